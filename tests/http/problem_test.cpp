#include "http/problem.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

namespace tessera {
namespace {

using nlohmann::json;

TEST(Problem, TheTableIsComplete) {
  std::set<std::string> names;
  for (const ProblemInfo& info : problem_table()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(std::string(info.name).find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
    EXPECT_GE(info.status, 400);
    EXPECT_LT(info.status, 600);
    EXPECT_GT(std::string(info.title).size(), 5u);
    EXPECT_GT(std::string(info.help).size(), 5u);
    EXPECT_EQ(&info_of(info.code), &info);
  }
}

TEST(Problem, KindsHaveTheirStatus) {
  const std::vector<std::pair<ErrorKind, int>> wanted{
      {ErrorKind::config, 400},  {ErrorKind::data, 422},     {ErrorKind::shape, 500},    {ErrorKind::io, 500},
      {ErrorKind::corrupt, 500}, {ErrorKind::internal, 500}, {ErrorKind::overload, 503}, {ErrorKind::unsupported, 501},
  };
  for (const auto& [kind, status] : wanted) {
    const Problem problem = problem_of(Error(kind, "/data/file: broken"));
    EXPECT_EQ(problem.status(), status) << to_string(kind);
    const bool hidden = status == 500;
    EXPECT_EQ(problem.detail.find("/data/file") == std::string::npos, hidden) << to_string(kind);
    EXPECT_EQ(problem.private_detail.empty(), !hidden);
    EXPECT_EQ(problem.retry_after_s > 0, status == 503);
  }
  EXPECT_EQ(problem_of(std::runtime_error("/etc/x")).detail.find("/etc"), std::string::npos);
  const ProblemError own({ProblemCode::conflict, "taken", "id", 0});
  EXPECT_EQ(problem_of(own).code, ProblemCode::conflict);
  EXPECT_EQ(problem_of(own).param, "id");
}

TEST(Problem, RendersAnyBytes) {
  const Problem problem{ProblemCode::invalid_parameter, "bad \xff \"q\"", "q", 0};
  const json body = json::parse(render_problem(problem, "/v1/search", "r1"));
  EXPECT_EQ(body["type"], "/problems/invalid_parameter");
  EXPECT_EQ(body["status"], 400);
  EXPECT_EQ(body["param"], "q");
  EXPECT_EQ(body["request_id"], "r1");
  EXPECT_EQ(body["message"], body["detail"]);
  const std::string many = render_problem({ProblemCode::conflict, std::string(100'000, 'x'), "", 0}, "/", "");
  EXPECT_LT(many.size(), 4000u);
  EXPECT_EQ(json::parse(problem_table_json()).size(), problem_table().size());
}

}  // namespace
}  // namespace tessera
