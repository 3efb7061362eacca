#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/file_descriptor.h"

#if TESSERA_WITH_COMPRESSION
#include <zlib.h>
#include <zstd.h>
#endif

namespace tessera {
namespace {

constexpr size_t kReadBuffer = 1 << 18;
constexpr size_t kMaxLine = 64 << 20;

/// A stream of decoded bytes.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// @return number of bytes put into the buffer; 0 at the end
  virtual size_t read(char* buffer, size_t size) = 0;
};

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(const std::filesystem::path& path) : path_(path), file_(open_for_reading(path)) {}
  size_t read(char* buffer, size_t size) override { return read_some(file_.get(), buffer, size, path_); }

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
};

#if TESSERA_WITH_COMPRESSION

/// Gzip, any number of members one after the other.
class GzipSource : public ByteSource {
 public:
  explicit GzipSource(const std::filesystem::path& path) : path_(path.string()), raw_(path), input_(kReadBuffer) {
    TESSERA_CHECK(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, internal, "zlib cannot be initialised");
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t read(char* buffer, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        stream_.avail_in = static_cast<uInt>(raw_.read(input_.data(), input_.size()));
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
      }
      if (stream_.avail_in == 0) {
        TESSERA_CHECK(member_ended_, corrupt, "{}: the gzip data ends too early: the file is cut off", path_);
        return 0;
      }
      if (member_ended_) inflateReset(&stream_);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      TESSERA_CHECK(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, corrupt,
                    "{}: is not valid gzip: {}", path_, stream_.msg != nullptr ? stream_.msg : "bad data");
      member_ended_ = status == Z_STREAM_END;
    }
    return size - stream_.avail_out;
  }

 private:
  std::string path_;
  PlainSource raw_;
  std::vector<char> input_;
  z_stream stream_{};
  bool member_ended_ = false;
};

/// Zstandard, any number of frames one after the other.
class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(const std::filesystem::path& path)
      : path_(path.string()), raw_(path), buffer_(kReadBuffer), stream_(ZSTD_createDStream(), &ZSTD_freeDStream) {
    TESSERA_CHECK(stream_ != nullptr, internal, "zstd cannot be initialised");
  }

  size_t read(char* buffer, size_t size) override {
    ZSTD_outBuffer output{buffer, size, 0};
    while (output.pos == 0) {
      if (input_.pos == input_.size && !pending_output_) {
        input_ = {buffer_.data(), raw_.read(buffer_.data(), buffer_.size()), 0};
        if (input_.size == 0) {
          TESSERA_CHECK(frame_ended_, corrupt, "{}: the zstd data ends too early: the file is cut off", path_);
          return 0;
        }
      }
      const size_t status = ZSTD_decompressStream(stream_.get(), &output, &input_);
      TESSERA_CHECK(!ZSTD_isError(status), corrupt, "{}: is not valid zstd: {}", path_, ZSTD_getErrorName(status));
      frame_ended_ = status == 0;
      pending_output_ = !frame_ended_ && output.pos == output.size;
    }
    return output.pos;
  }

 private:
  std::string path_;
  PlainSource raw_;
  std::vector<char> buffer_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool frame_ended_ = false;
  bool pending_output_ = false;  ///< the decoder may hold more output than the last buffer took
};

#endif

std::unique_ptr<ByteSource> open_source(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension != ".gz" && extension != ".zst") return std::make_unique<PlainSource>(path);
#if TESSERA_WITH_COMPRESSION
  if (extension == ".gz") return std::make_unique<GzipSource>(path);
  return std::make_unique<ZstdSource>(path);
#else
  fail(ErrorKind::unsupported,
       "{}: this build cannot read compressed files; decompress it first or build with -DTESSERA_SERVE=ON",
       path.string());
#endif
}

}  // namespace

void for_each_line(const std::filesystem::path& path, const std::function<void(std::string_view, int64_t)>& line) {
  const auto source = open_source(path);
  std::vector<char> buffer(kReadBuffer);
  std::string partial;  // the start of a line that reaches over a buffer's end
  int64_t line_number = 0;
  const auto deliver = [&](std::string_view text) {
    if (++line_number == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text, line_number);
  };
  while (const size_t count = source->read(buffer.data(), buffer.size())) {
    std::string_view rest(buffer.data(), count);
    for (size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (partial.empty()) {
        deliver(rest.substr(0, end));
      } else {
        partial += rest.substr(0, end);
        deliver(partial);
        partial.clear();
      }
      rest.remove_prefix(end + 1);
    }
    partial += rest;
    TESSERA_CHECK(partial.size() <= kMaxLine, corrupt, "{}: line {} is longer than {} bytes: not a text file?",
                  path.string(), line_number + 1, kMaxLine);
  }
  if (!partial.empty()) deliver(partial);
}

}  // namespace tessera
