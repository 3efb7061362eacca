#include "http/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace tessera {
namespace {

std::string read_proc(const char* path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Seconds since 1970 when the machine was started.
double boot_time() {
  const std::string text = read_proc("/proc/stat");
  const size_t found = text.find("btime ");
  return found == std::string::npos ? 0 : std::strtod(text.c_str() + found + 6, nullptr);
}

}  // namespace

ProcessState read_process_state() {
  ProcessState state;
  const std::string stat = read_proc("/proc/self/stat");
  const size_t name_end = stat.rfind(')');  // the name may hold spaces and brackets
  if (name_end != std::string::npos) {
    std::istringstream rest(stat.substr(name_end + 1));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) fields.push_back(field);
    const auto number = [&](size_t i) { return i < fields.size() ? std::strtod(fields[i].c_str(), nullptr) : 0.0; };
    const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    state.cpu_seconds = (number(11) + number(12)) / ticks;  // utime, stime
    state.threads = number(17);
    state.start_time_seconds = boot_time() + number(19) / ticks;
    state.virtual_bytes = number(20);
    state.resident_bytes = number(21) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error)) {
    state.open_fds += 1;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) state.max_fds = static_cast<double>(limit.rlim_cur);
  return state;
}

}  // namespace tessera
