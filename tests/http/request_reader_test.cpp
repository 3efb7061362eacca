#include "http/request_reader.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "base/random.h"
#include "http/compression.h"
#include "http/response_head.h"

namespace tessera {
namespace {

/// Feeds the text in pieces of up to `piece` bytes, as a connection does. @return the reader's last state
RequestReader::State read_in_pieces(RequestReader& reader, std::string_view text, size_t piece) {
  std::string inbox;
  for (size_t at = 0; at < text.size(); at += piece) {
    inbox += text.substr(at, piece);
    while (true) {
      const auto before = reader.state();
      inbox.erase(0, reader.feed(inbox));
      if (reader.state() == RequestReader::State::headed) reader.accept_body(SIZE_MAX);
      if (reader.state() == before || inbox.empty()) break;
    }
  }
  return reader.state();
}

std::string zstd_of(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(RequestReader, PiecesMakeNoDifference) {
  const std::string body = "{\"q\":\"" + std::string(300, 'x') + "\"}";
  const std::string packed = gzip(body, 6);
  const std::vector<std::string> texts{
      fmt::format("POST /a%20b?x=1&y=%41 HTTP/1.1\r\nHost: h\r\nX-Request-ID: id1\r\nContent-Length: {}\r\n\r\n{}",
                  body.size(), body),
      fmt::format("\r\n\r\nPOST /a%20b?x=1&y=%41 HTTP/1.1\r\nHost: h\r\nX-Request-ID: id1\r\nContent-Encoding: gzip\r\n"
                  "Transfer-Encoding: Chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                  packed.size(), packed)};
  for (const std::string& text : texts) {
    for (const size_t piece : {1, 2, 3, 7, 64, 1000}) {
      RequestReader reader{RequestLimits()};
      ASSERT_EQ(read_in_pieces(reader, text, piece), RequestReader::State::done)
          << piece << ": " << reader.problem().detail;
      EXPECT_EQ(reader.request().method, "POST");
      EXPECT_EQ(reader.request().path, "/a%20b");
      EXPECT_EQ(reader.request().query.get("y"), "A");
      EXPECT_EQ(reader.request().request_id, "id1");
      EXPECT_EQ(reader.request().body, body);
      EXPECT_TRUE(reader.keep_alive());
    }
  }
}

TEST(RequestReader, AnEmptyChunkedBodyMayComeByteByByte) {
  RequestReader reader{RequestLimits()};
  EXPECT_EQ(read_in_pieces(reader, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1),
            RequestReader::State::done);
}

TEST(RequestReader, ChunkedBodiesMatchTheirData) {
  Random random(9, "chunks");
  for (int i = 0; i < 300; ++i) {
    std::string body, framed;
    for (uint64_t k = random.below(8); k-- > 0;) {
      std::string chunk(1 + random.below(50), 'c');
      for (char& c : chunk) c = static_cast<char>(random.below(256));
      body += chunk;
      framed += fmt::format("{:x}{}\r\n{}\r\n", chunk.size(), random.chance(0.3) ? ";a=b" : "", chunk);
    }
    framed += random.chance(0.3) ? "0\r\nT: x\r\nHost: evil\r\n\r\n" : "000\r\n\r\n";
    RequestReader reader{RequestLimits()};
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    ASSERT_EQ(read_in_pieces(reader, head + framed, 1 + random.below(40)), RequestReader::State::done);
    EXPECT_EQ(reader.request().body, body);
    EXPECT_EQ(reader.request().headers.get("Host"), "h") << "trailers are no headers";
  }
}

TEST(RequestReader, DecodesZstdAndCountsWhatComesOut) {
  const std::string text(200'000, 'z');
  const std::string packed = zstd_of(text);
  const auto read = [&](std::string_view bytes, size_t limit, size_t piece) {
    RequestLimits limits;
    limits.body_bytes = limit;
    RequestReader reader(limits);
    const std::string head =
        fmt::format("POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: zstd\r\nContent-Length: {}\r\n\r\n", bytes.size());
    read_in_pieces(reader, head + std::string(bytes), piece);
    return std::pair(reader.state(), reader.state() == RequestReader::State::done
                                         ? reader.request().body
                                         : std::string(reader.problem().name()));
  };
  for (const size_t piece : {1, 5, 100'000}) {
    EXPECT_EQ(read(packed, 200'000, piece).second, text);
    EXPECT_EQ(read(packed, 199'999, piece).second, "body_too_large");
    EXPECT_EQ(read(packed + packed, 400'000, piece).second, text + text);
    EXPECT_EQ(read(packed.substr(0, packed.size() - 1), 400'000, piece).second, "malformed_request");
    EXPECT_EQ(read(packed + "x", 400'000, piece).second, "malformed_request");
  }
  for (const size_t size : {65'535, 65'536, 65'537, 131'072}) {
    const std::string exact(size, 'e');
    EXPECT_EQ(read(zstd_of(exact), size, 100'000).second, exact);
  }
}

TEST(RequestReader, KnowsRequestIds) {
  for (const char* good : {"a", "A-1_2.3:4", "00f067aa0ba902b7"}) EXPECT_TRUE(is_request_id(good)) << good;
  for (const char* bad : {"", "a b", "a\"", "ü", "tsk_abc"}) EXPECT_FALSE(is_request_id(bad)) << bad;
  EXPECT_FALSE(is_request_id(std::string(129, 'a')));
  EXPECT_TRUE(is_request_id(make_request_id()));
  EXPECT_NE(make_request_id(), make_request_id());
}

TEST(RequestReader, SurvivesRandomBytes) {
  Random random(13, "reader");
  const std::string seed =
      "POST /v1/x?a=%41 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (uint64_t k = random.below(5); k-- > 0;) text[random.below(text.size())] = static_cast<char>(random.below(256));
    RequestReader whole{RequestLimits()}, parts{RequestLimits()};
    const auto a = read_in_pieces(whole, text, text.size()), b = read_in_pieces(parts, text, 1 + random.below(9));
    // A head in pieces is not judged before its end.
    ASSERT_TRUE(a == b || (a == RequestReader::State::failed && b == RequestReader::State::head)) << text;
    if (a == RequestReader::State::done) {
      ASSERT_EQ(whole.request().body, parts.request().body);
    }
  }
}

TEST(Compression, KnowsWhatIsAccepted) {
  for (const char* yes : {"gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br, *;q=0.1", "x-gzip"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "gzip;q=0", "gzip;q=0.000, br", "*;q=0", "gzip;q=0, *", "notgzip"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
  EXPECT_TRUE(is_compressible("application/problem+json"));
  EXPECT_FALSE(is_compressible("image/png"));
}

TEST(ResponseHead, CannotBeBrokenUp) {
  HttpResponse response(200, "body", "text/plain\r\nX: y");
  response.headers.add("A\nB", "c\r\n\r\nd");
  const std::string head = response_head(response, {"date", "id\r\nx: y", true, false});
  EXPECT_EQ(head.find("\r\n\r\n"), head.size() - 4);
  EXPECT_NE(head.find("\r\nAB: cd\r\n"), std::string::npos);
  EXPECT_EQ(http_date().size(), 29u);
}

}  // namespace
}  // namespace tessera
