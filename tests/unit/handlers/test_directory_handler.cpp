#include <stdlib.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "fake_exchange.hpp"
#include "handlers/directory_handler.hpp"

namespace roost::handlers {

TEST_CASE("DirectoryHandler.ServesWhatIsBelowAndNothingElse") {
  char name[] = "/tmp/roost-test-XXXXXX";
  const std::filesystem::path root = mkdtemp(name);
  auto write = [&root](const char* file, std::string_view text) { std::ofstream(root / file) << text; };
  std::filesystem::create_directories(root / "www/sub");
  write("secret", "secret");
  write("www/a.txt", "0123456789");
  write("www/a.txt.gz", "zipped");
  write("www/big.bin", std::string(100'000, 'x'));
  write("www/sub/index.html", "index");
  std::filesystem::create_symlink("../secret", root / "www/out");
  std::filesystem::create_symlink("a.txt", root / "www/in");
  DirectoryHandler handler({.mount = "/m", .directory = root / "www"});
  struct Case {
    std::string method, target;
    test::FakeExchange::Pairs headers;
    int status;
    std::string body;
  };
  const std::vector<Case> cases = {
      {"GET", "/m/a.txt", {}, 200, "0123456789"},
      {"HEAD", "/m/a.txt", {}, 200, ""},
      {"POST", "/m/a.txt", {}, 405, ""},
      {"GET", "/m/in", {}, 200, "0123456789"},
      {"GET", "/m/big.bin", {}, 200, std::string(100'000, 'x')},
      {"GET", "/m/big.bin", {{"Range", "bytes=-2"}}, 206, "xx"},
      {"GET", "/m/a.txt", {{"Accept-Encoding", "gzip"}}, 200, "zipped"},
      {"GET", "/m/a.txt", {{"Accept-Encoding", "gzip;q=0"}}, 200, "0123456789"},
      {"GET", "/m/a.txt", {{"Range", "bytes=2-4"}}, 206, "234"},
      {"GET", "/m/a.txt", {{"Range", "bytes=10-"}}, 416, ""},
      {"GET", "/m/a.txt", {{"If-None-Match", "*"}}, 304, ""},
      {"GET", "/m/a.txt", {{"If-Match", "\"no\""}}, 412, ""},
      {"GET", "/m/sub", {}, 301, ""},
      {"GET", "/m/sub/", {}, 200, "index"},
      {"GET", "/m/", {}, 404, ""},
      {"GET", "/m/out", {}, 404, ""},
      {"GET", "/m/../../secret", {}, 404, ""},
      {"GET", "/m/%2e%2e/secret", {}, 404, ""},
      {"GET", "/m/..%2fsecret", {}, 404, ""},
      {"GET", "/m//secret", {}, 404, ""},
      {"GET", "/m/a.txt%00", {}, 404, ""},
  };
  for (int round = 0; round < 2; ++round) {
    for (const Case& test : cases) {
      INFO(test.method << " " << test.target << " round " << round);
      test::FakeExchange exchange(test.method, test.target, test.headers);
      handler.handle(exchange);
      CHECK(exchange.status == test.status);
      CHECK(exchange.body == test.body);
    }
  }
  std::filesystem::remove_all(root);
}

}  // namespace roost::handlers
