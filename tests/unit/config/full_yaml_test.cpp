// conf/full.yaml says the truth: it is accepted, and what it shows as a default is one.
#include <catch2/catch.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "config/reader.hpp"

using namespace roost::config;

namespace {

std::string file_text(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  REQUIRE(!text.str().empty());
  return text.str();
}

// Every key that the reader's sources ask a node for.
std::set<std::string> known_keys() {
  std::set<std::string> keys;
  const std::regex call(R"((?:get|require|refuse|read_size|read_duration|the_kind)\(([^()]*)\))"),
      word(R"re("([a-z_0-9]+)")re");
  for (const auto& entry : std::filesystem::directory_iterator(ROOST_CONFIG_SOURCES)) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string text = file_text(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), call), end; at != end; ++at) {
      const std::string arguments = (*at)[1];
      for (std::sregex_iterator name(arguments.begin(), arguments.end(), word); name != end; ++name)
        keys.insert((*name)[1]);
    }
  }
  return keys;
}

}  // namespace

TEST_CASE("FullYaml.IsAccepted") {
  REQUIRE_NOTHROW(read_file(ROOST_CONF "/full.yaml"));
}

TEST_CASE("FullYaml.NamesEveryKey") {
  const std::string text = file_text(ROOST_CONF "/full.yaml");
  const std::set<std::string> keys = known_keys();
  CHECK(keys.size() > 60);
  for (const std::string& key : keys) {
    INFO(key);
    CHECK(std::regex_search(text, std::regex("(^|[\\s{,#])" + key + ":")));
  }
}

TEST_CASE("FullYaml.MarksWhatIsNotSupported") {
  const std::string text = file_text(ROOST_CONF "/full.yaml");
  for (const char* key : {"tls", "http2", "admin", "compress", "rate_limit", "wsgi", "asgi"}) {
    INFO(key);
    CHECK(std::regex_search(text, std::regex(std::string(key) + ":[^\n]*NOT SUPPORTED YET")));
  }
}

TEST_CASE("FullYaml.ShowsTheDefaults") {
  const Configuration full = read_file(ROOST_CONF "/full.yaml");
  const Configuration empty = read_text("routes: [{ path: /, respond: { body: x } }]", "t.yaml", ROOST_CONF);
  const Server &a = full.server, &b = empty.server;
  REQUIRE(a.listen.size() == 1);
  CHECK(a.listen[0].address == b.listen[0].address);
  CHECK(a.processes == b.processes);
  CHECK(a.threads == b.threads);
  CHECK(a.user == b.user);
  CHECK(a.limits.header_bytes == b.limits.header_bytes);
  CHECK(a.limits.headers == b.limits.headers);
  CHECK(a.limits.target_bytes == b.limits.target_bytes);
  CHECK(a.limits.body_bytes == b.limits.body_bytes);
  CHECK(a.limits.spill == b.limits.spill);
  CHECK(a.limits.connections == b.limits.connections);
  CHECK(a.limits.per_address == b.limits.per_address);
  CHECK(a.limits.form.parts == b.limits.form.parts);
  CHECK(a.limits.form.name_bytes == b.limits.form.name_bytes);
  CHECK(a.limits.form.header_bytes == b.limits.form.header_bytes);
  CHECK(a.limits.form.field_bytes == b.limits.form.field_bytes);
  CHECK(a.limits.form.file_bytes == b.limits.form.file_bytes);
  CHECK(a.timeouts.header == b.timeouts.header);
  CHECK(a.timeouts.body == b.timeouts.body);
  CHECK(a.timeouts.keep_alive == b.timeouts.keep_alive);
  CHECK(a.timeouts.write == b.timeouts.write);
  CHECK(a.timeouts.handler == b.timeouts.handler);
  CHECK(a.timeouts.drain == b.timeouts.drain);
  CHECK(a.websocket.message_bytes == b.websocket.message_bytes);
  CHECK(a.websocket.send_buffer == b.websocket.send_buffer);
  CHECK(a.websocket.ping == b.websocket.ping);
  CHECK(a.websocket.origins == b.websocket.origins);
  CHECK(a.websocket.compress.enabled == b.websocket.compress.enabled);
  CHECK(a.websocket.slow_client == b.websocket.slow_client);
  CHECK(a.websocket.ping_timeout == b.websocket.ping_timeout);
  CHECK(a.websocket.close_timeout == b.websocket.close_timeout);
  CHECK(a.access_log.path == b.access_log.path);
  CHECK(a.access_log.format == b.access_log.format);
  CHECK(a.log_level == b.log_level);
  CHECK(a.development == b.development);
  CHECK(a.half_close_cancels == b.half_close_cancels);
  CHECK(a.trusted_proxies.empty());
  CHECK(full.python.threads == empty.python.threads);
  CHECK(full.python.preload == empty.python.preload);

  const Cors cors;
  REQUIRE(full.middleware.size() == 1);
  CHECK(full.middleware[0].cors.credentials == cors.credentials);
  CHECK(full.middleware[0].cors.max_age == cors.max_age);
  CHECK(full.middleware[0].cors.methods.empty());
  CHECK(full.middleware[0].cors.headers.empty());
  CHECK(full.middleware[0].cors.expose_headers.empty());
  CHECK(full.middleware[0].methods.empty());

  const Route route;
  for (const Route& shown : full.routes) {
    if (shown.timeout) CHECK(*shown.timeout == b.timeouts.handler);
    CHECK(shown.host.empty());
    CHECK(shown.index == route.index);
    CHECK(shown.fallback == route.fallback);
    CHECK(shown.listing == route.listing);
    CHECK(shown.hidden == route.hidden);
    CHECK(shown.cache_control == route.cache_control);
    if (shown.kind == RouteKind::redirect) CHECK(shown.status == 308);
    if (shown.kind == RouteKind::respond) CHECK(shown.status == 200);
  }
}
