#include "base/array_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;
using test::put_bytes;
using test::TemporaryFolder;

/// The file that numpy documents: magic, version, header length, header padded to 64 bytes, data.
std::string npy_bytes(std::string header, std::string_view data, int version = 1) {
  const size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (size_t i = 0; i < prefix - 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255);
  return bytes + header + std::string(data);
}

std::string npy_header(std::string_view descr, std::string_view shape, std::string_view fortran = "False") {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", descr, fortran, shape);
}

std::string safetensors_bytes(std::string_view header, std::string_view data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + std::string(header) + std::string(data);
}

class ArrayFiles : public ::testing::Test {
 protected:
  NpyFile npy(std::string_view bytes) const {
    put_bytes(folder_ / "a.npy", bytes);
    return NpyFile(folder_ / "a.npy");
  }
  void refuse_npy(std::string_view bytes, std::string_view message, ErrorKind kind = ErrorKind::corrupt) const {
    expect_error(kind, message, [&] { npy(bytes); });
  }
  SafetensorsFile safetensors(std::string_view bytes) const {
    put_bytes(folder_ / "a.safetensors", bytes);
    return SafetensorsFile(folder_ / "a.safetensors");
  }
  void refuse(std::string_view header, std::string_view data, std::string_view message,
              ErrorKind kind = ErrorKind::corrupt) const {
    expect_error(kind, message, [&] { safetensors(safetensors_bytes(header, data)); });
  }
  TemporaryFolder folder_;
};

using Npy = ArrayFiles;
using Safetensors = ArrayFiles;
using ToMatrix = ArrayFiles;

TEST_F(Npy, GoldenFileReadsAndIsWrittenByteForByte) {
  // numpy.save of numpy.array([[1, 2, 3], [4, 5, 6]], dtype='<i2')
  const std::string data("\1\0\2\0\3\0\4\0\5\0\6\0", 12);
  std::string golden("\x93NUMPY\x01\x00\x76\x00", 10);
  golden += "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";
  golden += std::string(127 - golden.size(), ' ') + "\n" + data;
  const NpyFile file = npy(golden);
  EXPECT_EQ(file.array().shape, (std::vector<int64_t>{2, 3}));
  const auto values = file.array().as<int16_t>();
  EXPECT_EQ(std::vector<int16_t>(values.begin(), values.end()), (std::vector<int16_t>{1, 2, 3, 4, 5, 6}));
  write_npy(folder_ / "b.npy", file.array());
  EXPECT_EQ(read_file(folder_ / "b.npy"), golden);
}

TEST_F(Npy, RoundTripOfEveryTypeAndRank) {
  const std::vector<std::vector<int64_t>> shapes{{}, {0}, {5}, {2, 3}, {3, 0, 2}, {2, 1, 2, 2}};
  for (const DType type :
       {DType::u8, DType::i8, DType::i16, DType::i32, DType::i64, DType::f16, DType::f32, DType::f64, DType::boolean}) {
    for (const auto& shape : shapes) {
      const int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
      std::vector<std::byte> bytes(static_cast<size_t>(count) * size_bytes(type));
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(type == DType::boolean ? i % 2 : i);
      write_npy(folder_ / "r.npy", {type, shape, bytes});
      const NpyFile file(folder_ / "r.npy");
      EXPECT_EQ(file.array().type, type);
      EXPECT_EQ(file.array().shape, shape);
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), file.array().bytes.begin(), file.array().bytes.end()));
    }
  }
}

TEST_F(Npy, VersionsSpellingsAndAlignment) {
  const std::string data(8, '\1');
  for (const int version : {1, 2, 3})
    EXPECT_EQ(npy(npy_bytes(npy_header("<f4", "(2,)"), data, version)).array().num_elements(), 2);
  EXPECT_EQ(npy(npy_bytes("{\"shape\":(1,8),\"descr\":\"<u1\",\"fortran_order\":False}", data)).array().type,
            DType::u8);
  EXPECT_EQ(npy(npy_bytes(npy_header("=f8", "(1, 1,)"), data)).array().shape.size(), 2u);
  // A header that ends off the alignment: the data is copied, and lives on in copies of the object.
  const std::string header = npy_header("<f4", "(2,)");
  std::string bytes("\x93NUMPY\x01\x00", 8);
  const size_t odd = header.size() + (header.size() + 10) % 2 + 1;
  bytes += static_cast<char>(odd);
  bytes += '\0';
  bytes += header + std::string(odd - header.size(), ' ') + data;
  auto first = std::make_unique<NpyFile>(npy(bytes));
  const NpyFile second = *first;
  first.reset();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(second.array().as<float>().data()) % 4, 0u);
  EXPECT_EQ(std::memcmp(second.array().bytes.data(), data.data(), data.size()), 0);
}

TEST_F(Npy, HostileHeaders) {
  const std::string data(8, '\1');
  refuse_npy("", "is not an npy file");
  refuse_npy("PK\3\4 some zip", "is not an npy file");
  refuse_npy("\x93NUMPY\1", "cut off");
  refuse_npy(std::string("\x93NUMPY\2\0\0\0", 10), "cut off");
  refuse_npy(std::string("\x93NUMPY\4\0\0\0", 10), "version 4.0", ErrorKind::unsupported);
  refuse_npy(std::string("\x93NUMPY\1\0\xff\xff{}", 12), "claims 65535 bytes, of 2 left");
  refuse_npy(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{}", 14), "claims 4294967295 bytes");
  const auto header = [&](std::string_view text, std::string_view message, ErrorKind kind = ErrorKind::corrupt) {
    refuse_npy(npy_bytes(std::string(text), data), message, kind);
  };
  header("", "no '{'");
  header("{}", "not all of descr");
  header("{'descr': '<f4', 'fortran_order': False}", "not all of descr");
  header("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "a key twice");
  header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", "an unknown key");
  header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", "text behind");
  header("{'descr': '<f4", "an open string");
  header("{'descr' '<f4'}", "no ':'");
  header("{'descr': '<f4' 'fortran_order': False}", "no ','");
  header(npy_header("<f4", "(2,)", "1"), "no True or False");
  header(npy_header("<f4", "(2)"), "a number in brackets");
  header(npy_header("<f4", "2"), "no '('");
  header(npy_header("<f4", "(2,"), "a dimension");
  header(npy_header("<f4", "(-2,)"), "a dimension");
  header(npy_header("<f4", "(2.0,)"), "no ','");
  header(npy_header("<f4", "(99999999999999999999,)"), "a dimension");
  header(npy_header("<f4", "(3,)"), "needs 12 bytes, the file holds 8");
  header(npy_header("<f4", "(1,)"), "needs 4 bytes, the file holds 8");
  header(npy_header("<f4", "(4611686018427387904, 4)"), "needs too many bytes");
  header(npy_header("<f8", "(2305843009213693952, 8, 0)"), "needs too many bytes");
  header(npy_header("<f4", fmt::format("({})", fmt::join(std::vector<int>(40, 1), ", "))), "more than 32");
  header(npy_header(">f4", "(2,)"), "element type \">f4\"", ErrorKind::unsupported);
  header(npy_header("|O", "(2,)"), "element type \"|O\"", ErrorKind::unsupported);
  header(npy_header("<c8", "(1,)"), "element type", ErrorKind::unsupported);
  header(npy_header("<f4", "(2,)", "True"), "Fortran order", ErrorKind::unsupported);
  header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", "structured", ErrorKind::unsupported);
}

TEST_F(Npy, WritingRefusesWhatDoesNotFit) {
  const std::vector<float> values(6);
  const auto write = [&](ArrayView view) { return [this, view] { write_npy(folder_ / "w.npy", view); }; };
  expect_error(ErrorKind::shape, "holds 24 bytes, wanted 28", write(view_of<float>(values, {7})));
  expect_error(ErrorKind::shape, "a possible shape", write(view_of<float>(values, {-1, -6})));
  expect_error(ErrorKind::unsupported, "bf16", write({DType::bf16, {0}, {}}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "w.npy"));
}

TEST_F(Npy, AsChecksTypeAndSize) {
  const std::vector<float> values(6);
  const ArrayView view = view_of<float>(values, {2, 3});
  EXPECT_EQ(view.as<float>().size(), 6u);
  expect_error(ErrorKind::shape, "holds f32, wanted i64", [&] { view.as<int64_t>(); });
  expect_error(ErrorKind::shape, "wanted 28", [&] { view_of<float>(values, {7}).as<float>(); });
}

TEST_F(Safetensors, RoundTrip) {
  const std::vector<float> vectors{1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> ids{7, 8};
  const std::vector<uint8_t> flags{1, 0, 1};
  const std::map<std::string, ArrayView> tensors{{"a.flags", view_of<uint8_t>(flags, {3})},
                                                 {"b.vectors", view_of<float>(vectors, {2, 3})},
                                                 {"c.ids", view_of<int64_t>(ids, {2, 1})},
                                                 {"d.none", view_of<float>({}, {0, 4})},
                                                 {"e.scalar", view_of<float>(std::span(vectors).first(1), {})}};
  write_safetensors(folder_ / "t.safetensors", tensors, {{"kind", "codebook"}, {"name", "Müsli \"x\""}});
  const SafetensorsFile file(folder_ / "t.safetensors");
  EXPECT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(file.metadata().at("name"), "Müsli \"x\"");
  for (const auto& [name, view] : tensors) {
    const ArrayView& read = file.at(name);
    EXPECT_EQ(read.type, view.type);
    EXPECT_EQ(read.shape, view.shape);
    EXPECT_TRUE(std::equal(view.bytes.begin(), view.bytes.end(), read.bytes.begin(), read.bytes.end())) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(read.bytes.data()) % size_bytes(read.type), 0u);
  }
  EXPECT_EQ(file.at("b.vectors").as<float>()[5], 6.0f);
  expect_error(ErrorKind::corrupt, "has no tensor \"b\"; it holds a.flags, b.vectors", [&] { file.at("b"); });
  // The same again gives the same bytes.
  const std::string bytes = read_file(folder_ / "t.safetensors");
  write_safetensors(folder_ / "t.safetensors", tensors, file.metadata());
  EXPECT_EQ(read_file(folder_ / "t.safetensors"), bytes);
}

TEST_F(Safetensors, GoldenBytes) {
  const std::vector<float> one{1.0f};
  write_safetensors(folder_ / "g.safetensors", {{"w", view_of<float>(one, {1})}}, {});
  const std::string header = R"({"w":{"data_offsets":[0,4],"dtype":"F32","shape":[1]}})";
  EXPECT_EQ(read_file(folder_ / "g.safetensors"),
            safetensors_bytes(header + std::string(56 - header.size(), ' '), std::string("\0\0\x80\x3f", 4)));
  const SafetensorsFile other = safetensors(safetensors_bytes(
      R"({"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}})", "abcd"));
  EXPECT_EQ(other.at("w").type, DType::bf16);
  EXPECT_EQ(other.metadata().at("format"), "pt");
}

TEST_F(Safetensors, ViewsOutliveTheFileObject) {
  std::shared_ptr<const MappedFile> mapping;
  ArrayView view;
  {  // the tensor is not aligned in this file, so its bytes are a copy
    const SafetensorsFile file = safetensors(safetensors_bytes(
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"I64","shape":[1],"data_offsets":[1,9]}})",
        std::string("\7\1\0\0\0\0\0\0\0", 9)));
    view = file.at("b");
    mapping = file.mapping();
  }
  EXPECT_EQ(view.as<int64_t>()[0], 1);
}

TEST_F(Safetensors, HostileFiles) {
  expect_error(ErrorKind::corrupt, "it has 3 bytes", [&] { safetensors("abc"); });
  expect_error(ErrorKind::corrupt, "claims 18446744073709551615 bytes",
               [&] { safetensors(std::string(8, '\xff') + "{}"); });
  expect_error(ErrorKind::corrupt, "claims 2 bytes, of 1 left",
               [&] { safetensors(std::string("\2\0\0\0\0\0\0\0{", 9)); });
  expect_error(ErrorKind::corrupt, "does not start", [&] { safetensors(std::string(8, '\0')); });
  refuse(R"([])", "", "does not start");
  refuse(R"({"a":)", "", "not valid JSON");
  refuse("{\"\xff\":1}", "", "not valid JSON");
  refuse("{} {}", "", "not valid JSON");
  refuse("{\"a\":" + std::string(100'000, '['), "", "nested too deeply");
  refuse("{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", "", "nested too deeply");
  refuse(R"({"a":3})", "", "wanted exactly dtype, shape and data_offsets");
  refuse(R"({"__metadata__":{"a":3}})", "", "is not a string");
  refuse(R"({"__metadata__":[]})", "", "is not an object");
  const auto tensor = [&](std::string_view body, std::string_view message, ErrorKind kind = ErrorKind::corrupt) {
    refuse(fmt::format("{{\"a\":{{{}}}}}", body), "12345678", message, kind);
  };
  tensor(R"("dtype":"F32","shape":[2])", "wanted exactly");
  tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1)", "wanted exactly");
  tensor(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])", "names \"dtype\" twice");
  tensor(R"("dtype":7,"shape":[2],"data_offsets":[0,8])", "dtype is not a string");
  tensor(R"("dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8])", "F8_E4M3", ErrorKind::unsupported);
  tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])", "shape is not a list");
  tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])", "shape holds something else");
  tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])", "shape holds something else");
  tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])", "shape holds something else");
  tensor(R"("dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,8])", "shape holds something else");
  tensor(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8])", "needs too many bytes");
  tensor(R"("dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0])", "needs too many bytes");
  tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])", "needs 12 bytes");
  tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])", "data_offsets is not a pair");
  tensor(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])", "data_offsets is not a pair");
  tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])", "lies at 8 to 0");
  tensor(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])", "lies at 4 to 12, the file holds 8");
  tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615])", "lies at 0 to 18446744073709551615");
  tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])", "leaving a hole");
  tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", "cover 4 bytes of data, the file holds 8");
  const std::string two = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)";
  refuse(two + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", std::string(12, 'x'), "overlapping");
  refuse(two + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", std::string(8, 'x'), "overlapping");
  refuse(two + R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", std::string(8, 'x'), "names \"a\" twice");
}

TEST_F(Safetensors, AHeaderBeyondTheLimitIsNotRead) {
  const uint64_t length = 100'000'001;
  put_bytes(folder_ / "huge.safetensors", std::string(reinterpret_cast<const char*>(&length), 8) + "{");
  std::filesystem::resize_file(folder_ / "huge.safetensors", length + 100);  // sparse
  expect_error(ErrorKind::corrupt, "limit 100000000", [&] { SafetensorsFile(folder_ / "huge.safetensors"); });
}

TEST_F(Safetensors, WritingRefusesWhatCannotBeRead) {
  const std::vector<float> values(6);
  const auto write = [&](const std::string& name, std::vector<int64_t> shape, const std::string& note) {
    write_safetensors(folder_ / "w.safetensors", {{name, view_of<float>(values, std::move(shape))}}, {{"note", note}});
  };
  expect_error(ErrorKind::shape, "tensor \"a\"", [&] { write("a", {5}, ""); });
  expect_error(ErrorKind::internal, "__metadata__", [&] { write("__metadata__", {6}, ""); });
  expect_error(ErrorKind::data, "UTF-8", [&] { write("a", {6}, "\xff"); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "w.safetensors"));
}

/// Changes, inserts, removes or cuts a few bytes.
std::string damaged(std::string bytes, Random& random) {
  for (uint64_t i = random.below(4) + 1; i > 0 && !bytes.empty(); --i) {
    const size_t at =
        random.chance(0.8) ? random.below(std::min<size_t>(bytes.size(), 200)) : random.below(bytes.size());
    const char byte =
        random.chance(0.5) ? "0123456789[]{}(),:'\"-"[random.below(21)] : static_cast<char>(random.next_u32());
    switch (random.below(8)) {
      case 0:
        bytes.insert(at, 1, byte);
        break;
      case 1:
        bytes.erase(at, 1 + random.below(4));
        break;
      case 2:
        bytes.resize(at);
        break;
      default:
        bytes[at] = byte;
    }
  }
  return bytes;
}

/// The reader must refuse with one of our errors or give views that lie inside memory we may read.
template <class Read>
void expect_no_crash(const std::string& valid, Read read) {
  Random random(6, "mutations");
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::string bytes = damaged(valid, random);
    try {
      read(bytes);
    } catch (const Error& error) {
      ++refused;
      EXPECT_TRUE(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::unsupported) << error.what();
    }
  }
  EXPECT_GT(refused, 2000);
}

uint64_t sum_of(const ArrayView& view) {
  uint64_t sum = 0;
  for (const std::byte byte : view.bytes) sum += static_cast<uint64_t>(byte);
  EXPECT_EQ(view.bytes.size(), static_cast<size_t>(view.num_elements()) * size_bytes(view.type));
  return sum;
}

TEST_F(Npy, RandomDamageNeverCrashes) {
  expect_no_crash(npy_bytes(npy_header("<f4", "(2, 3)"), std::string(24, '\1')),
                  [&](const std::string& bytes) { sum_of(npy(bytes).array()); });
}

TEST_F(Safetensors, RandomDamageNeverCrashes) {
  const std::string valid = safetensors_bytes(
      R"({"__metadata__":{"a":"b"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"I16","shape":[2],"data_offsets":[24,28]}})",
      std::string(28, '\1'));
  expect_no_crash(valid, [&](const std::string& bytes) {
    const SafetensorsFile file = safetensors(bytes);
    for (const auto& [name, view] : file.tensors()) sum_of(view);
  });
}

TEST_F(ToMatrix, ConvertsEveryFloatType) {
  const std::vector<double> doubles{1.5, -2, 0, 65504, 0.00006103515625, 3};
  const std::vector<uint16_t> halves{0x3e00, 0xc000, 0x0000, 0x7bff, 0x0400, 0x4200};
  const std::vector<uint16_t> bfloats{0x3fc0, 0xc000, 0x0000, 0x477f, 0x3880, 0x4040};
  const auto bytes_of = [](const auto& values) { return std::as_bytes(std::span(values)); };
  const Matrix from_double = to_matrix(view_of<double>(doubles, {2, 3}), "x");
  EXPECT_EQ(from_double.rows, 2);
  EXPECT_EQ(from_double.row(1)[2], 3.0f);
  EXPECT_EQ(to_matrix({DType::f16, {2, 3}, bytes_of(halves)}, "x").values, from_double.values);
  Matrix from_bfloat = to_matrix({DType::bf16, {2, 3}, bytes_of(bfloats)}, "x");
  EXPECT_EQ(from_bfloat.values[3], 65280.0f);  // bfloat16 has eight bits of precision
  EXPECT_EQ(from_bfloat.values[1], -2.0f);
  EXPECT_EQ(to_matrix(view_of(from_double), "x").values, from_double.values);
  const std::vector<uint16_t> smallest{0x0001};
  EXPECT_EQ(to_matrix({DType::f16, {1, 1}, bytes_of(smallest)}, "x").values[0], std::ldexp(1.0f, -24));
}

TEST_F(ToMatrix, RefusesWhatIsNotFiniteNamingTheCell) {
  std::vector<float> values{1, 2, 3, 4, std::nanf(""), 6};
  expect_error(ErrorKind::data, "items.npy: row 1, column 1 is nan", [&] {
    to_matrix(view_of<float>(values, {2, 3}), "items.npy");
  });
  values[4] = -HUGE_VALF;
  expect_error(ErrorKind::data, "row 2, column 0 is -inf", [&] { to_matrix(view_of<float>(values, {3, 2}), "x"); });
  const std::vector<double> large{1e300};
  expect_error(ErrorKind::data, "row 0, column 0 is inf", [&] { to_matrix(view_of<double>(large, {1, 1}), "x"); });
  const std::vector<uint16_t> halves{0x7c00};
  expect_error(ErrorKind::data, "row 0", [&] {
    to_matrix({DType::f16, {1, 1}, std::as_bytes(std::span(halves))}, "x");
  });
}

TEST_F(ToMatrix, RefusesOtherShapesAndTypes) {
  const std::vector<float> values(6);
  const std::vector<int64_t> ids(6);
  expect_error(ErrorKind::shape, "x: has shape [6], wanted [rows, columns]",
               [&] { to_matrix(view_of<float>(values, {6}), "x"); });
  expect_error(ErrorKind::shape, "x: holds i64", [&] { to_matrix(view_of<int64_t>(ids, {2, 3}), "x"); });
  expect_error(ErrorKind::shape, "wanted 28", [&] { to_matrix(view_of<float>(values, {1, 7}), "x"); });
  EXPECT_EQ(to_matrix(view_of<float>({}, {0, 8}), "x").cols, 8);
}

}  // namespace
}  // namespace tessera
