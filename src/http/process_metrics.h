#pragma once

namespace tessera {

/// What the operating system says about this process; what cannot be read is 0.
struct ProcessState {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double open_fds = 0;
  double max_fds = 0;
  double threads = 0;
  double start_time_seconds = 0;  ///< since 1970
};
ProcessState read_process_state();

}  // namespace tessera
