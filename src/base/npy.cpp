#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/array_file.h"
#include "base/array_layout.h"
#include "base/error.h"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "array files are read in place as little endian");

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr size_t kMaxNpyHeader = 1 << 20;

struct NpyName {
  DType type;
  const char* name;
};
constexpr NpyName kNpyNames[] = {{DType::u8, "|u1"},  {DType::i8, "|i1"},  {DType::i16, "<i2"},
                                 {DType::i32, "<i4"}, {DType::i64, "<i8"}, {DType::f16, "<f2"},
                                 {DType::f32, "<f4"}, {DType::f64, "<f8"}, {DType::boolean, "|b1"}};

/// Reads the header: a Python dict literal with exactly the keys descr, fortran_order and shape.
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  DType type = DType::f32;
  std::vector<int64_t> shape;

  void parse() {
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = parse_string();
      expect(':');
      bool& seen = key == "descr" ? has_descr : key == "fortran_order" ? has_order : has_shape;
      if (key != "descr" && key != "fortran_order" && key != "shape") broken("an unknown key");
      if (seen) broken("a key twice");
      seen = true;
      if (key == "descr") {
        parse_descr();
      } else if (key == "fortran_order") {
        parse_order();
      } else {
        parse_shape();
      }
      if (accept('}')) break;
      expect(',');
    }
    skip_spaces();
    if (at_ != text_.size()) broken("text behind the dictionary");
    if (!has_descr || !has_order || !has_shape) broken("not all of descr, fortran_order and shape");
  }

 private:
  [[noreturn]] void broken(std::string_view what) const {
    fail(ErrorKind::corrupt, "{}: the npy header holds {} (at byte {})", file_, what, at_);
  }
  void skip_spaces() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) != nullptr && text_[at_] != '\0') ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) broken(fmt::format("no '{}' where one is wanted", c));
  }
  bool accept_word(std::string_view word) {
    skip_spaces();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string_view parse_string() {
    const char quote = accept('\'') ? '\'' : accept('"') ? '"' : '\0';
    if (quote == '\0') broken("no string where one is wanted");
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) broken("an open string");
    const std::string_view value = text_.substr(at_, end - at_);
    if (value.find('\\') != std::string_view::npos || value.size() > 64) broken("a string that is no key or type");
    at_ = end + 1;
    return value;
  }
  void parse_descr() {
    skip_spaces();
    TESSERA_CHECK(at_ == text_.size() || text_[at_] != '[', unsupported,
                  "{}: holds a structured array, wanted plain numbers", file_);
    std::string name(parse_string());
    if (name.size() == 3 && name[2] == '1' && (name[0] == '<' || name[0] == '=')) name[0] = '|';
    if (name.size() == 3 && name[0] == '=') name[0] = '<';
    for (const NpyName& known : kNpyNames) {
      if (name != known.name) continue;
      type = known.type;
      return;
    }
    fail(ErrorKind::unsupported,
         "{}: element type \"{}\" cannot be read, wanted u1, i1, i2, i4, i8, f2, f4, f8 or b1, little endian", file_,
         name);
  }
  void parse_order() {
    if (accept_word("True"))
      fail(ErrorKind::unsupported, "{}: is in Fortran order, wanted C order (numpy.ascontiguousarray)", file_);
    if (!accept_word("False")) broken("no True or False for fortran_order");
  }
  void parse_shape() {
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      int64_t dimension = 0;
      const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), dimension);
      if (error != std::errc() || dimension < 0) broken("a dimension that is no number from 0 to 2^63-1");
      if (shape.size() == 32) broken("more than 32 dimensions");
      at_ = static_cast<size_t>(end - text_.data());
      shape.push_back(dimension);
      if (accept(')')) {
        if (shape.size() == 1) broken("a number in brackets instead of a tuple");
        break;
      }
      expect(',');
    }
  }

  std::string_view text_;
  std::string file_;
  size_t at_ = 0;
};

}  // namespace

NpyFile::NpyFile(const std::filesystem::path& path) {
  const auto storage = std::make_shared<ArrayStorage>(path);
  const std::string name = path.string();
  const std::string_view text = storage->file.text();
  TESSERA_CHECK(text.starts_with(kNpyMagic), corrupt, "{}: is not an npy file: it does not start with \\x93NUMPY",
                name);
  TESSERA_CHECK(text.size() >= 10, corrupt, "{}: the npy header is cut off at {} bytes", name, text.size());
  const int major = static_cast<unsigned char>(text[6]), minor = static_cast<unsigned char>(text[7]);
  TESSERA_CHECK(major >= 1 && major <= 3 && minor == 0, unsupported, "{}: is npy version {}.{}, wanted 1.0, 2.0 or 3.0",
                name, major, minor);
  const size_t length_size = major == 1 ? 2 : 4, start = 8 + length_size;
  TESSERA_CHECK(text.size() >= start, corrupt, "{}: the npy header is cut off at {} bytes", name, text.size());
  uint32_t length = 0;
  std::memcpy(&length, text.data() + 8, length_size);
  TESSERA_CHECK(length <= kMaxNpyHeader && length <= text.size() - start, corrupt,
                "{}: the npy header claims {} bytes, of {} left in the file (limit {})", name, length,
                text.size() - start, kMaxNpyHeader);
  NpyHeaderParser header(text.substr(start, length), name);
  header.parse();
  const std::optional<int64_t> wanted = checked_size_bytes(header.type, header.shape);
  const size_t found = text.size() - start - length;
  TESSERA_CHECK(wanted && static_cast<uint64_t>(*wanted) == found, corrupt,
                "{}: {} with shape [{}] needs {} bytes, the file holds {}", name, to_string(header.type),
                fmt::join(header.shape, ", "), wanted ? std::to_string(*wanted) : "too many", found);
  array_.type = header.type;
  array_.shape = header.shape;
  array_.bytes = storage->aligned(storage->file.bytes().subspan(start + length), size_bytes(header.type));
  file_ = share_file(storage);
}

void write_npy(const std::filesystem::path& path, const ArrayView& array) {
  check_array_bytes(array, path.string());
  const char* descr = nullptr;
  for (const NpyName& known : kNpyNames) {
    if (known.type == array.type) descr = known.name;
  }
  TESSERA_CHECK(descr != nullptr, unsupported, "{}: npy has no element type for {}, use .safetensors", path.string(),
                to_string(array.type));
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                   fmt::join(array.shape, ", "), array.shape.size() == 1 ? "," : "");
  constexpr size_t kPrefix = 10, kAlignment = 64;
  header.append((kAlignment - (kPrefix + header.size() + 1) % kAlignment) % kAlignment, ' ');
  header += '\n';
  TESSERA_CHECK(header.size() <= 0xFFFF, unsupported, "{}: an array of {} dimensions is too much for npy",
                path.string(), array.shape.size());
  AtomicFile file(path);
  file.write(kNpyMagic);
  const std::array<char, 4> version{1, 0, static_cast<char>(header.size() & 255),
                                    static_cast<char>(header.size() >> 8)};
  file.write(std::string_view(version.data(), version.size()));
  file.write(header);
  file.write(array.bytes);
  file.commit();
}

}  // namespace tessera
