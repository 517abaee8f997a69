#include "config/reader.hpp"

#include <catch2/catch.hpp>

#include "config/scalar.hpp"

using namespace roost::config;

namespace {

std::string problem(const std::string& yaml) {
  try {
    read_text(yaml, "t.yaml", "/");
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("Reader.FillsInWhatTheFileSaysAndDefaults") {
  setenv("ROOST_TEST_PORT", "8081", 1);
  const Configuration c = read_text(R"(
server:
  listen: ["127.0.0.1:${ROOST_TEST_PORT}", unix:run/roost.sock]
  processes: 3
  limits: { header_bytes: 16KiB, body_bytes: 1 MiB, form: { parts: 10, name_bytes: 100B, part_header_bytes: 1KiB } }
  timeouts: { header: 5s, keep_alive: 1.5m }
  trusted_proxies: [10.0.0.0/8]
  half_close: answer
plugins:
  hello: { library: libroost_hello.so, config: { greeting: "Hi $$5" } }
middleware:
  - cors: { origins: ["https://a.example"] }
    paths: [/api/*]
routes:
  - { path: /hello/:name, plugin: hello.greet, limits: { body_bytes: 64KiB, form: { parts: 3, field_bytes: 0, file_bytes: 1MiB } }, timeout: 2s, middleware: [cors] }
  - { host: Static.Example, path: /old/:id, redirect: /new/:id }
  - { path: /robots.txt, respond: { body: "User-agent: *" } }
)",
                                    "t.yaml", "/srv");
  REQUIRE(c.server.listen.size() == 2);
  CHECK(c.server.listen[0].address == "127.0.0.1:8081");
  CHECK(c.server.listen[1].address == "unix:/srv/run/roost.sock");
  CHECK(c.server.processes == 3);
  CHECK(c.server.limits.header_bytes == 16384);
  CHECK(c.server.limits.body_bytes == 1048576);
  CHECK(c.server.limits.headers == 100);
  CHECK(c.server.timeouts.keep_alive == milliseconds(90000));
  CHECK(c.server.trusted_proxies.size() == 1);
  CHECK_FALSE(c.server.half_close_cancels);
  REQUIRE(c.plugins.size() == 1);
  const roost_value& greeting = *c.plugins[0].config->items[0];
  CHECK(std::string(greeting.text.data, greeting.text.size) == "Hi $5");
  CHECK(greeting.line == 10);
  REQUIRE(c.routes.size() == 3);
  CHECK(c.routes[0].body_bytes == 65536u);
  CHECK(c.server.limits.form.parts == 10);
  CHECK(c.server.limits.form.name_bytes == 100);
  CHECK(c.server.limits.form.header_bytes == 1024);
  CHECK(c.server.limits.form.field_bytes == 1048576);
  CHECK(c.server.limits.form.file_bytes == 0);
  CHECK(c.routes[0].form.parts == 3);
  CHECK(c.routes[0].form.name_bytes == 100);
  CHECK(c.routes[0].form.field_bytes == 0);
  CHECK(c.routes[0].form.file_bytes == 1048576);
  CHECK(c.routes[1].form.parts == 10);
  CHECK(c.routes[0].timeout == milliseconds(2000));
  CHECK(c.routes[1].host == "static.example");
  CHECK(c.routes[1].status == 308);
  CHECK(c.routes[2].status == 200);
}

TEST_CASE("Reader.NamesPlaceKeyAndRemedyOfAMistake") {
  struct Case {
    const char *yaml, *want;
  };
  const std::string route = "routes: [{ path: /, respond: {} }]\n";
  const Case cases[] = {
      {"server: { lisen: 1 }\n", "t.yaml:1:11: server: there is no key \"lisen\" (did you mean \"listen\"?)"},
      {"server: { processes: many }\n", "t.yaml:1:22: server.processes: \"many\" is no whole number from 1 to 256"},
      {"server: { limits: { body_bytes: 10MB } }\n", "server.limits.body_bytes: \"10MB\" is no size"},
      {"server: { timeouts: { header: 10 } }\n", "server.timeouts.header: \"10\" is no time"},
      {"server: { mode: dev }\n", "\"dev\" is none of production, development"},
      {"server: { half_close: no }\n", "\"no\" is none of cancel, answer"},
      {"server: { listen: localhost }\n", "\"localhost\" is no address"},
      {"server: { listen: [{ address: ':80', tls: { certificate: a, key: b } }] }\n", "tls: not supported yet"},
      {"server: { user: a, user: b }\n", "the key \"user\" stands here twice"},
      {"server: { user: \"${ROOST_NO_SUCH}\" }\n", "the environment has no variable ROOST_NO_SUCH"},
      {"server: { user: \"${\" }\n", "a variable is written ${NAME}"},
      {"server: [1]\n", "server: a map of keys and values is expected, found a list"},
      {"server: { user: { name: a } }\n", "server.user: a single value is expected, found a map"},
      {"middleware: { guard: { plugin: a.b } }\n", "a list is expected, each entry behind \"- \", found a map"},
      {"middleware: [{ compress: {} }]\n", "middleware[0].compress: not supported yet"},
      {"middleware: [{ cors: { origins: ['*'], credentials: true } }]\n", "name the origins"},
      {"server: [\n", "t.yaml:"},
  };
  for (const Case& c : cases) {
    INFO(c.yaml);
    CHECK_THAT(problem(c.yaml + route), Catch::Contains(c.want));
  }
  CHECK_THAT(problem("plugins: { hello: { library: a.so } }\nroutes:\n  - { path: /, plugin: helo.greet }\n"),
             Catch::Equals("t.yaml:3:24: routes[0].plugin: no plugin named \"helo\" (did you mean \"hello\"?)"));
  CHECK_THAT(problem("routes: [{ path: x, respond: {} }]"), Catch::Contains("a path begins with /"));
  CHECK_THAT(problem("routes: [{ path: /, wsgi: a:b }]"), Catch::Contains("not supported yet"));
  CHECK_THAT(problem("routes: [{ path: /, respond: {}, middleware: [{ plugin: a.b }] }]"),
             Catch::Contains("middleware[0]: the name of an entry of the file's middleware is expected"));
  CHECK_THAT(problem("routes: [{ path: / }]"), Catch::Contains("one of plugin, python, directory, redirect, respond"));
  CHECK_THAT(problem("server: {}"), Catch::Contains("the key \"routes\" is missing"));
}

TEST_CASE("Scalar.SizesAndDurations") {
  CHECK(parse_size("32KiB") == 32768u);
  for (const char* text : {"0B", "1025B", "32KiB", "10MiB", "2GiB", "4096GiB"}) {
    CHECK(size_text(*parse_size(text)) == text);
  }
  for (const char* text : {"0", "1500ms", "60s", "90s", "2m", "24h"}) {
    CHECK(duration_text(*parse_duration(text)) == text);
  }
  CHECK(parse_size("0") == 0u);
  CHECK_FALSE(parse_size("99999999999GiB"));
  CHECK_FALSE(parse_size("-1"));
  CHECK_FALSE(parse_size("KiB"));
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("0.5s") == milliseconds(500));
  CHECK_FALSE(parse_duration("1e300h"));
  CHECK_FALSE(parse_duration("nan"));
  CHECK(parse_network("::1/128"));
  CHECK_FALSE(parse_network("10.0.0.0/33"));
}

TEST_CASE("Reader.TakesTheSmallestFile") {
  const Configuration c = read_file(ROOST_CONF "/minimal.yaml");
  CHECK(c.routes.size() == 1);
  CHECK(c.server.listen.at(0).address == "127.0.0.1:8080");
}
