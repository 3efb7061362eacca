#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/temporary_folder.h"

namespace tessera::test {

/// Path of the program redis-server; empty if it is not installed.
inline std::string redis_program() {
  std::stringstream path(std::string(getenv("PATH") != nullptr ? getenv("PATH") : "") + ":/usr/bin:/usr/local/bin");
  for (std::string folder; std::getline(path, folder, ':');) {
    const std::string file = folder + "/redis-server";
    if (access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

/// A port of the loopback that is free now, and that this process has not handed out before.
inline int free_port() {
  static std::set<int> given;
  for (int i = 0; i < 100; ++i) {
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool good = bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                      getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    close(descriptor);
    const int port = ntohs(address.sin_port);
    if (good && given.insert(port).second) return port;
  }
  throw std::runtime_error("no free port");
}

/// A redis-server on the loopback in a temporary folder; ends with the object, and with the thread that started it.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> arguments = {}) : arguments_(std::move(arguments)), port_(free_port()) {
    start();
  }
  ~RedisServer() { stop(SIGKILL); }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start() {
    std::vector<std::string> words{
        redis_program(), "--port", std::to_string(port_), "--bind", "127.0.0.1", "--dir", folder_.path().string(),
        "--save",        "",       "--daemonize",         "no",     "--logfile", "log"};
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    std::vector<char*> raw;
    for (std::string& word : words) raw.push_back(word.data());
    raw.push_back(nullptr);
    const pid_t parent = getpid();
    process_ = fork();
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      execv(raw[0], raw.data());
      _exit(127);
    }
    for (int i = 0; i < 500; ++i) {
      if (ask("PING") == "PONG") return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    throw std::runtime_error("redis-server does not answer");
  }
  void stop(int signal) {
    if (process_ <= 0) return;
    kill(process_, signal);
    waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  /// SIGSTOP: it answers no more, and its connections stay open. SIGCONT ends that.
  void signal(int number) const { kill(process_, number); }
  int port() const { return port_; }
  std::string host_port() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return "redis://" + host_port(); }

  /// One command of words without blanks; the answer as text, "!" and the message for an error, "" for no answer.
  std::string ask(const std::string& command) const {
    redisContext* context = redisConnect("127.0.0.1", port_);
    std::string out;
    if (context != nullptr && context->err == 0) {
      auto* reply = static_cast<redisReply*>(redisCommand(context, command.c_str()));
      if (reply != nullptr) {
        if (reply->type == REDIS_REPLY_ERROR) out = "!";
        if (reply->str != nullptr) out += std::string(reply->str, reply->len);
        if (reply->type == REDIS_REPLY_INTEGER) out = std::to_string(reply->integer);
        freeReplyObject(reply);
      }
    }
    if (context != nullptr) redisFree(context);
    return out;
  }

 private:
  TemporaryFolder folder_;
  std::vector<std::string> arguments_;
  int port_;
  pid_t process_ = -1;
};

/// Three masters with a third of the slots each.
class RedisCluster {
 public:
  RedisCluster() {
    for (int i = 0; i < 3; ++i) {
      bus_.push_back(free_port());
      nodes_.push_back(std::make_unique<RedisServer>(
          std::vector<std::string>{"--cluster-enabled", "yes", "--cluster-port", std::to_string(bus_.back()),
                                   "--cluster-node-timeout", "2000"}));
    }
    const char* const slots[] = {"0 5460", "5461 10922", "10923 16383"};
    for (size_t i = 0; i < 3; ++i) {
      node(i).ask("CLUSTER SET-CONFIG-EPOCH " + std::to_string(i + 1));
      node(i).ask(std::string("CLUSTER ADDSLOTSRANGE ") + slots[i]);
    }
    for (size_t i = 1; i < 3; ++i) {
      node(0).ask("CLUSTER MEET 127.0.0.1 " + std::to_string(node(i).port()) + " " + std::to_string(bus_[i]));
    }
    for (int tries = 0; tries < 1000; ++tries) {
      bool good = true;
      for (size_t i = 0; i < 3; ++i) {
        const std::string info = node(i).ask("CLUSTER INFO");
        good = good && info.find("cluster_state:ok") != std::string::npos &&
               info.find("cluster_slots_ok:16384") != std::string::npos;
      }
      if (good) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    throw std::runtime_error("the Redis cluster does not come up");
  }
  RedisServer& node(size_t i) { return *nodes_[i]; }
  std::string url() const { return "redis+cluster://" + nodes_[0]->host_port() + "," + nodes_[1]->host_port(); }

 private:
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<int> bus_;
};

}  // namespace tessera::test
