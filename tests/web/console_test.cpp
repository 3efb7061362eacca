// The console in a real browser: what a person does with it, and what they see.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "web/console_shop.h"
#include "web/web_driver.h"

namespace tessera {
namespace {

using Json = nlohmann::json;
using test::WebDriver;

class ConsoleBrowser : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"chromium", "chromedriver"})
      if (test::program_path(program).empty())
        GTEST_SKIP() << program << " is not installed; make browser installs chromium and chromium-driver";
    shop_ = std::make_unique<test::ConsoleShop>();
    browser_ = std::make_unique<WebDriver>();
  }
  void TearDown() override {
    if (!browser_) return;
    expect_quiet();
    browser_.reset();
  }
  void go(const std::string& hash) { browser_->open(shop_->address() + "/console/" + hash); }
  void rested() { browser_->until("document.querySelector('.playground:not([aria-busy]) .card')"); }
  std::vector<std::string> ids(const std::string& list) {
    return browser_->run(
        "return [...document.querySelectorAll(arguments[0] + ' > .card')].map((one) => one.dataset.item)", {list});
  }
  std::string text(const std::string& css) {
    return browser_->run("return document.querySelector(arguments[0])?.innerText ?? ''", {css});
  }
  /// No error in the console of the browser, and no request to another host. Answers that are problems on purpose are
  /// named by the tests.
  void expect_quiet() {
    for (const Json& line : browser_->log()) {
      const std::string message = line.at("message");
      bool known = false;
      for (const std::string& part : expected_) known |= message.find(part) != std::string::npos;
      EXPECT_TRUE(known || line.at("level") != "SEVERE") << message;
    }
    const Json asked = browser_->run("return performance.getEntriesByType('resource').map((one) => one.name)");
    for (const Json& url : asked) EXPECT_EQ(url.get<std::string>().rfind(shop_->address() + "/", 0), 0u) << url;
  }
  std::unique_ptr<test::ConsoleShop> shop_;
  std::unique_ptr<WebDriver> browser_;
  std::vector<std::string> expected_;  ///< parts of messages that may be in the browser's log
};

TEST_F(ConsoleBrowser, OpensSearchesAndExplains) {
  browser_->open(shop_->address());
  EXPECT_EQ(browser_->url().rfind(shop_->address() + "/console/", 0), 0u);
  rested();
  browser_->type("#query", std::string("shape1") + WebDriver::kEnter);
  browser_->until("document.querySelectorAll('#personal-results mark').length > 0");
  rested();
  for (const char* list : {"#personal-results", "#common-results"}) EXPECT_EQ(ids(list).size(), 6u);
  EXPECT_NE(browser_->url().find("q=shape1"), std::string::npos);
  browser_->type("#user", std::string("u1") + WebDriver::kEnter);
  browser_->until("document.querySelector('.who')?.innerText === 'u1'");
  browser_->until("document.querySelector('.past-item')");
  rested();
  browser_->run("document.querySelector('#personal-results [data-action=why]').focus()");
  browser_->press({WebDriver::kEnter});
  browser_->until("document.querySelector('#drawer[open] .codes li')");
  EXPECT_EQ(browser_->run("return document.querySelectorAll('#drawer .codes li').length"), 3);
  EXPECT_NE(text("#drawer").find("shape1"), std::string::npos);
  browser_->press({WebDriver::kEscape});
  browser_->until("!document.querySelector('#drawer[open]')");
  EXPECT_EQ(browser_->run("return document.activeElement.dataset.action ?? ''"), "why");
}

TEST_F(ConsoleBrowser, AnEventChangesTheNextAnswer) {
  go("#/playground");
  rested();
  EXPECT_EQ(browser_->run("return document.querySelector('#personal-results [data-action=click]').disabled"), true);
  browser_->click("#new-visitor");
  browser_->until("document.querySelector('.who')?.innerText.startsWith('visitor-')");
  browser_->until("document.querySelector('.past').innerText.includes('no history yet')");
  rested();
  const auto before = ids("#personal-results"), others = ids("#common-results");
  browser_->click("#personal-results [data-action=click]");
  browser_->until("document.querySelector('#changed')");
  rested();
  const auto after = ids("#personal-results");
  EXPECT_NE(after, before);
  EXPECT_EQ(std::count(after.begin(), after.end(), before[0]), 0) << "what was seen is not recommended again";
  EXPECT_EQ(ids("#common-results"), others);
  EXPECT_NE(text(".column .badges").find("personalised"), std::string::npos);
  browser_->until("document.querySelectorAll('.past-item').length === 1");
  go("#/events");
  browser_->until("document.querySelector('tbody tr')");
  EXPECT_NE(text("tbody").find("click"), std::string::npos);
  EXPECT_NE(text("tbody").find(before[0]), std::string::npos);
}

TEST_F(ConsoleBrowser, FacetsNarrowBothColumns) {
  go("#/playground?q=lamp");
  rested();
  browser_->until("document.querySelector('[data-facet]')");
  const std::string brand = browser_->run(
      "const box = [...document.querySelectorAll('[data-facet]')].find((one) => one.dataset.facet.startsWith('brand'));"
      "box.click(); return box.dataset.facet.slice(5)");
  browser_->until("location.hash.includes('brand=')");
  browser_->until(
      "[...document.querySelectorAll('.playground:not([aria-busy]) .card .facts')].every((one) => "
      "one.firstChild.textContent === '" +
      brand + "')");
  EXPECT_EQ(browser_->run("return document.querySelectorAll('[data-facet^=brand]').length"), 3)
      << "the others can be chosen still";
}

TEST_F(ConsoleBrowser, EveryScreenOpensAndFitsANarrowWindow) {
  // A service without these routes answers 404, which the screens take.
  const std::vector<std::pair<std::string, std::string>> screens = {{"#/playground?q=lamp", "#personal-results .card"},
                                                                    {"#/users?id=u1&and=i3", "#after .card"},
                                                                    {"#/items?id=i0", ".codes li"},
                                                                    {"#/items", ".cards.grid .card"},
                                                                    {"#/codes", ".heat span"},
                                                                    {"#/codes?path=0", ".trail"},
                                                                    {"#/models", ".panel"},
                                                                    {"#/events", ".empty"},
                                                                    {"#/operations", "#ops-routes table"}};
  for (const int width : {1280, 400}) {
    browser_->resize(width, 900);
    for (const auto& [hash, wanted] : screens) {
      go(hash);
      browser_->until("document.querySelector('" + wanted + "')");
      SCOPED_TRACE(hash + " at " + std::to_string(width));
      EXPECT_LE(browser_->run("return document.documentElement.scrollWidth").get<int>(), width);
      EXPECT_EQ(browser_->run("return document.querySelectorAll('h1').length"), 1);
      EXPECT_EQ(browser_->run("return document.querySelectorAll('#nav [aria-current=page]').length"), 1);
      EXPECT_EQ(browser_->run("return [...document.querySelectorAll('input, select, textarea')].filter((one) => "
                              "!one.labels?.length && !one.ariaLabel).map((one) => one.id || one.outerHTML)"),
                Json::array());
      EXPECT_EQ(browser_->run("return [...document.querySelectorAll('button, a')].filter((one) => "
                              "!one.ariaLabel && one.textContent.trim() === '').length"),
                0);
      expect_quiet();
    }
  }
  // A title that looks like markup is shown as it is.
  go("#/items?id=i0");
  browser_->until("document.querySelector('.item-head h2')");
  EXPECT_EQ(text(".item-head h2"), "<b>Tom & \"Jerry\"</b> lamp");
}

TEST_F(ConsoleBrowser, TheKeyboardAloneIsEnough) {
  go("");
  rested();
  browser_->press({"g", "s"});
  browser_->until("document.querySelector('h1')?.innerText === 'Semantic IDs'");
  browser_->until("document.querySelector('.trail')");
  browser_->press({"g", "p"});
  rested();
  browser_->press({"/"});
  EXPECT_EQ(browser_->run("return document.activeElement.id"), "query");
  browser_->press({"l", "a", "m"});
  browser_->until("document.querySelector('#query-list:not([hidden]) [role=option]')");
  browser_->press({WebDriver::kDown});
  EXPECT_EQ(browser_->run("return document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
                          "?.ariaSelected"),
            "true");
  browser_->press({WebDriver::kEnter});
  browser_->until("document.querySelector('#query-list').hidden");
  EXPECT_NE(browser_->run("return document.querySelector('#query').value"), "lam");
  browser_->press({WebDriver::kEscape, "?"});
  browser_->until("document.querySelector('#box[open] kbd')");
  browser_->press({WebDriver::kEscape});
  browser_->until("!document.querySelector('#box[open]')");
}

TEST_F(ConsoleBrowser, AnItemPutByHandIsFoundAtOnce) {
  go("#/items");
  browser_->until("document.querySelector('.cards.grid .card')");
  browser_->run(
      "[...document.querySelectorAll('.controls button')].find((one) => one.innerText === 'New item').click()");
  browser_->run(
      "const area = document.querySelector('#item-json');"
      "area.value = JSON.stringify({id: 'made/by hand', title: 'zebra lamp', price: 3})");
  browser_->click(".fields .primary");
  browser_->until("document.querySelector('.item-head h2')?.innerText === 'zebra lamp'");
  browser_->until("document.querySelector('.codes li')");
  go("#/playground?q=zebra");
  rested();
  EXPECT_EQ(ids("#common-results").at(0), "made/by hand");
}

TEST_F(ConsoleBrowser, AKeyIsAskedForAndStaysOutOfTheAddress) {
  expected_ = {"401"};
  KeyWish wish;
  wish.scopes = {Scope::admin};
  const std::string secret = shop_->service().keys().create(wish).secret;
  go("#/playground?q=lamp");
  browser_->until("document.querySelector('#box[open] #key-input')");
  browser_->type("#key-input", secret + WebDriver::kEnter);
  rested();
  EXPECT_EQ(browser_->url().find(secret), std::string::npos);
  EXPECT_EQ(browser_->run("return Object.values(localStorage).join()").get<std::string>().find(secret),
            std::string::npos);
  for (const Json& url : browser_->run("return performance.getEntriesByType('resource').map((one) => one.name)"))
    EXPECT_EQ(url.get<std::string>().find(secret), std::string::npos);
}

}  // namespace
}  // namespace tessera
