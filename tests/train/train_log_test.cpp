#include "train/train_log.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "regression_task.h"

namespace tessera {
namespace {

TEST(TrainLogTest, WrittenLinesAreRead) {
  TestFolder folder;
  const auto path = folder.path() / "train.jsonl";
  {
    TrainLogWriter writer(path, 0);
    writer.write(TrainPoint{50, 0.5, 3.25, 1e-3, 2.5, 1234.5, 6.75});
    writer.write(ValidationPoint{60, 0.6, 7.5, {{"ndcg@10", 0.04}, {"hit_rate@10", 0.08}}});
    writer.write(TrainPoint{100, 1.0, 3.0, 2e-3, 1.5, 1000, 12});
  }
  const auto log = read_train_log(path);
  ASSERT_EQ(log.points.size(), 2u);
  EXPECT_EQ(log.points[1].step, 100);
  EXPECT_EQ(log.points[0].loss, 3.25);
  EXPECT_EQ(log.points[0].learning_rate, 1e-3);
  EXPECT_EQ(log.points[0].gradient_norm, 2.5);
  EXPECT_EQ(log.points[0].examples_per_second, 1234.5);
  EXPECT_EQ(log.points[0].seconds, 6.75);
  ASSERT_EQ(log.validations.size(), 1u);
  EXPECT_EQ(log.validations[0].epoch, 0.6);
  EXPECT_EQ(log.validations[0].values[0].first, "ndcg@10");  // the order is kept: the first one selects
  EXPECT_EQ(log.validations[0].values[1].second, 0.08);
}

TEST(TrainLogTest, LaterLinesAreDroppedOnResume) {
  TestFolder folder;
  const auto path = folder.path() / "train.jsonl";
  {
    TrainLogWriter writer(path, 0);
    for (int64_t step = 50; step <= 200; step += 50) writer.write(TrainPoint{step, 0, 1, 1, 1, 1, 1});
  }
  { TrainLogWriter(path, 120).write(TrainPoint{130, 0, 1, 1, 1, 1, 1}); }
  const auto log = read_train_log(path);
  ASSERT_EQ(log.points.size(), 3u);
  EXPECT_EQ(log.points[1].step, 100);
  EXPECT_EQ(log.points[2].step, 130);
  { const TrainLogWriter anew(path, 0); }
  EXPECT_TRUE(read_train_log(path).points.empty());
}

TEST(TrainLogTest, CutOffLastLineIsLeftOutOtherDamageIsNamed) {
  TestFolder folder;
  const auto path = folder.path() / "train.jsonl";
  const std::string line = R"({"step":50,"epoch":1,"validate":{"a":1},"seconds":2})";
  write_file(path, line + "\n" + R"({"step":60,"ep)");
  EXPECT_EQ(read_train_log(path).validations.size(), 1u);
  for (const char* bad :
       {"{\"step\":60,\"ep\n", "{}\n", "[1]\n", "{\"step\":\"x\",\"epoch\":1,\"seconds\":1}\n", "\n"}) {
    write_file(path, line + "\n" + bad);
    const Error error = error_of([&] { read_train_log(path); });
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << bad;
    EXPECT_NE(std::string(error.what()).find("train.jsonl:2"), std::string::npos) << error.what();
  }
  EXPECT_EQ(error_of([&] { read_train_log(folder.path() / "absent"); }).kind(), ErrorKind::io);
}

TEST(TrainLogTest, WriterWithoutFileWritesNothing) {
  TrainLogWriter writer;
  EXPECT_NO_THROW(writer.write(TrainPoint{}));
}

}  // namespace
}  // namespace tessera
