#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/temporary_folder.h"
#include "http/client.h"
#include "serve/service.h"
#include "serve/service_fixture.h"

namespace tessera::test {

/// A service over the small simulated shop, started once for all tests of a suite; each test leaves the catalogue
/// as it found it.
class FacesTest : public testing::Test {
 protected:
  using Json = nlohmann::json;

  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    serve::ServeOptions options;
    options.listen = "127.0.0.1:0";
    options.state = (*folder_ / "state").string();
    options.deadline_ms = 60'000;  // a slow machine must not take the model's part away
    service_ = std::make_unique<serve::Service>("tiger", TinyRuns::get().context(), options);
    service_->start();
  }
  static void TearDownTestSuite() {
    service_.reset();
    folder_.reset();
  }
  void SetUp() override { client_ = std::make_unique<HttpClient>(ClientOptions{.port = service_->port()}); }

  HttpResponse call(const char* method, const std::string& target, const std::string& body = "",
                    const HttpHeaders& headers = {}) {
    return client_->send(method, target, body, headers);
  }
  /// The JSON of an answer, which must have the status.
  Json json(int status, const char* method, const std::string& target, const Json& body = {},
            const HttpHeaders& headers = {}) {
    const HttpResponse answer = call(method, target, body.is_null() ? "" : body.dump(), headers);
    EXPECT_EQ(answer.status, status) << method << " " << target << ": " << answer.body;
    const Json parsed = Json::parse(answer.body, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << answer.body;
    return parsed;
  }
  Json get(const std::string& target) { return json(200, "GET", target); }
  static HttpHeaders header(const char* name, const char* value) {
    HttpHeaders headers;
    headers.add(name, value);
    return headers;
  }
  static const Item& item(int i) { return service_->models().active()->dataset().items[ItemId{i}]; }

  static inline std::unique_ptr<TemporaryFolder> folder_;
  static inline std::unique_ptr<serve::Service> service_;
  std::unique_ptr<HttpClient> client_;
};

}  // namespace tessera::test
