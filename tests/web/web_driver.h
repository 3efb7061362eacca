#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/temporary_folder.h"
#include "http/client.h"

namespace tessera::test {

/// Path of a program, or "" if it is not installed.
inline std::string program_path(const std::string& name) {
  std::stringstream path(std::string(getenv("PATH") != nullptr ? getenv("PATH") : "") + ":/usr/bin:/usr/local/bin");
  for (std::string folder; std::getline(path, folder, ':');)
    if (access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
  return {};
}

/// A port of the loopback that is free now.
inline int free_loopback_port() {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool good = bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(descriptor);
  if (!good) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

/// Headless Chromium, driven over the protocol of W3C WebDriver. Knows no host but the loopback. Ends with the object.
class WebDriver {
 public:
  using Json = nlohmann::json;

  /// @throws std::runtime_error if the browser does not start
  WebDriver() : port_(free_loopback_port()) {
    start();
    ClientOptions options;
    options.port = port_;
    options.timeout_ms = 120'000;
    client_ = std::make_unique<HttpClient>(options);
    wait_for_driver();
    Json arguments = {"--headless=new",
                      "--disable-gpu",
                      "--disable-dev-shm-usage",
                      "--window-size=1280,900",
                      "--user-data-dir=" + (folder_ / "profile").string(),
                      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"};
    if (geteuid() == 0) arguments.push_back("--no-sandbox");
    const Json browser = {{"args", arguments}, {"binary", program_path("chromium")}};
    const Json wanted = {{"goog:chromeOptions", browser}, {"goog:loggingPrefs", {{"browser", "ALL"}}}};
    session_ =
        "/session/" +
        call("POST", "/session", {{"capabilities", {{"alwaysMatch", wanted}}}}).at("sessionId").get<std::string>();
  }
  ~WebDriver() {
    try {
      if (!session_.empty()) call("DELETE", session_);
    } catch (const std::exception&) {  // the process is killed anyway
    }
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  WebDriver(const WebDriver&) = delete;
  WebDriver& operator=(const WebDriver&) = delete;

  void open(const std::string& url) { call("POST", session_ + "/url", {{"url", url}}); }
  std::string url() { return call("GET", session_ + "/url").get<std::string>(); }
  /// The value of a JavaScript function body; `arguments` are its arguments.
  Json run(const std::string& script, Json arguments = Json::array()) {
    return call("POST", session_ + "/execute/sync", {{"script", script}, {"args", std::move(arguments)}});
  }
  /// Waits until a JavaScript expression is true. @throws std::runtime_error naming it after half a minute
  void until(const std::string& expression) {
    for (int i = 0; i < 300; ++i) {
      if (run("return Boolean(" + expression + ")") == true) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    throw std::runtime_error("never true: " + expression + "; the page says: " +
                             run("return document.body.innerText.slice(0, 500)").get<std::string>());
  }
  /// Clicks the first element, as a mouse does. @throws std::runtime_error if it is not there or covered
  void click(const std::string& css) { call("POST", element(css) + "/click", Json::object()); }
  /// Types into the first element.
  void type(const std::string& css, const std::string& text) {
    call("POST", element(css) + "/value", {{"text", text}});
  }
  /// Presses one key after another, wherever the focus is.
  void press(const std::vector<std::string>& keys) {
    Json actions = Json::array();
    for (const std::string& key : keys) {
      actions.push_back({{"type", "keyDown"}, {"value", key}});
      actions.push_back({{"type", "keyUp"}, {"value", key}});
    }
    call("POST", session_ + "/actions",
         {{"actions", {{{"type", "key"}, {"id", "keyboard"}, {"actions", std::move(actions)}}}}});
  }
  void resize(int width, int height) {
    call("POST", session_ + "/goog/cdp/execute",
         {{"cmd", "Emulation.setDeviceMetricsOverride"},
          {"params", {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}}}});
  }
  /// What the page wrote to the console since the last call: {level, message, ...} each.
  Json log() { return call("POST", session_ + "/se/log", {{"type", "browser"}}); }

  static constexpr const char* kEnter = "\xEE\x80\x87";   // U+E007
  static constexpr const char* kEscape = "\xEE\x80\x8C";  // U+E00C
  static constexpr const char* kDown = "\xEE\x80\x95";    // U+E015

 private:
  void start() {
    const std::string program = program_path("chromedriver"), port = "--port=" + std::to_string(port_);
    std::vector<char*> words{const_cast<char*>(program.c_str()), const_cast<char*>(port.c_str()), nullptr};
    const pid_t parent = getpid();
    process_ = fork();
    if (process_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int nothing = ::open("/dev/null", O_RDWR);
    dup2(nothing, 1), dup2(nothing, 2);
    execv(words[0], words.data());
    _exit(127);
  }
  void wait_for_driver() {
    for (int i = 0; i < 300; ++i) {
      try {
        if (call("GET", "/status").at("ready") == true) return;
      } catch (const std::exception&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    }
    throw std::runtime_error("chromedriver does not answer");
  }
  std::string element(const std::string& css) {
    const Json found = call("POST", session_ + "/element", {{"using", "css selector"}, {"value", css}});
    return session_ + "/element/" + found.begin()->get<std::string>();
  }
  Json call(const char* method, const std::string& path, const Json& body = nullptr) {
    HttpHeaders headers;
    if (!body.is_null()) headers.add("Content-Type", "application/json");
    const HttpResponse response = client_->send(method, path, body.is_null() ? "" : body.dump(), headers);
    const Json answer = Json::parse(response.body);
    if (response.status != 200)
      throw std::runtime_error(path + ": " + answer.at("value").value("message", "no message").substr(0, 400));
    return answer.at("value");
  }

  TemporaryFolder folder_;
  int port_;
  pid_t process_ = -1;
  std::unique_ptr<HttpClient> client_;
  std::string session_;
};

}  // namespace tessera::test
