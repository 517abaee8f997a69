#include "routing/route_table.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_map>

#include "http/target.hpp"

namespace roost::routing {

namespace {

// The routes that one pattern shape leads to, by method.
struct Endpoint {
  std::vector<std::pair<std::string, uint32_t>> methods;
  uint32_t any = kNoRoute;
  std::vector<std::pair<std::string, std::vector<std::string>>> names;  // by method: its pattern's parameter names
  std::vector<std::string> any_names;
  bool directory = false;
  bool slash = false;
  std::string allow;

  static constexpr uint32_t kNoRoute = UINT32_MAX;
  bool empty() const { return methods.empty() && any == kNoRoute; }
};

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct Segment {
  std::unordered_map<std::string, std::unique_ptr<Segment>, TextHash, std::equal_to<>> literals;
  std::unique_ptr<Segment> parameter;
  Endpoint here;  // the path ends in this segment
  Endpoint rest;  // `*` below it
};

constexpr size_t kMaxSegments = 64;

// A target's path, taken apart: what each segment says once decoded, and where it began.
struct Path {
  std::array<std::string_view, kMaxSegments> segments;
  std::array<std::string_view, kMaxSegments + 1> rests;  // decoded remainder from that segment on
  size_t count = 0;
};

bool is_dot(std::string_view segment) {
  return segment == "." || segment == "..";
}

// What a search has found so far: the best acceptance, and what was refused for its method alone.
struct Search {
  const Path& path;
  std::string_view method;
  std::array<std::string_view, kMaxSegments> values{};
  size_t value_count = 0;
  std::array<const Endpoint*, 16> refused{};  // further ones do not show in Allow
  size_t refused_count = 0;
  const std::vector<std::string>* names = nullptr;
  bool add_slash = false;
  bool without_slash = false;  // the path had a final slash more
};

uint32_t accept(Search& search, const Endpoint& endpoint) {
  if (endpoint.empty() || (search.without_slash && !endpoint.slash)) return Endpoint::kNoRoute;
  const auto of = [&](std::string_view method) -> uint32_t {
    for (size_t i = 0; i < endpoint.methods.size(); ++i) {
      if (endpoint.methods[i].first == method) {
        search.names = &endpoint.names[i].second;
        return endpoint.methods[i].second;
      }
    }
    return Endpoint::kNoRoute;
  };
  uint32_t route = of(search.method);
  if (route == Endpoint::kNoRoute && search.method == "HEAD") route = of("GET");
  if (route == Endpoint::kNoRoute && endpoint.any != Endpoint::kNoRoute) {
    search.names = &endpoint.any_names;
    route = endpoint.any;
  }
  if (route == Endpoint::kNoRoute && search.refused_count < search.refused.size()) {
    search.refused[search.refused_count++] = &endpoint;
  }
  return route;
}

// Literal beats parameter beats remainder at each segment; what does not lead to an acceptance is left again.
uint32_t find(Search& search, const Segment& node, size_t index) {
  const Path& path = search.path;
  if (index == path.count) {
    if (const uint32_t route = accept(search, node.here); route != Endpoint::kNoRoute) return route;
  } else {
    if (const auto child = node.literals.find(path.segments[index]); child != node.literals.end()) {
      if (const uint32_t route = find(search, *child->second, index + 1); route != Endpoint::kNoRoute) return route;
    }
    if (node.parameter && !path.segments[index].empty()) {
      search.values[search.value_count++] = path.segments[index];
      if (const uint32_t route = find(search, *node.parameter, index + 1); route != Endpoint::kNoRoute) return route;
      --search.value_count;
    }
  }
  const uint32_t route = accept(search, node.rest);
  if (route != Endpoint::kNoRoute) {
    // "/x" for a directory mounted on "/x/*".
    search.add_slash = node.rest.directory && index == path.count && index > 0;
    search.values[search.value_count++] = path.rests[index];
  }
  return route;
}

// "[" host "]", port and case taken off; at most 255 bytes go into the buffer.
std::string_view plain_host(std::string_view host, std::array<char, 256>& buffer) {
  size_t end = host.size();
  if (const size_t colon = host.rfind(':');
      colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    end = colon;
  }
  if (end > 0 && host[end - 1] == '.') --end;  // a fully qualified name says the same
  if (end > buffer.size()) return {};
  for (size_t i = 0; i < end; ++i) {
    const char c = host[i];
    buffer[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return {buffer.data(), end};
}

// The methods that these endpoints accept, as Allow lists them (RFC 9110 section 10.2.1).
std::string join_methods(const Endpoint* const* endpoints, size_t count) {
  std::set<std::string> methods{"OPTIONS"};
  for (size_t i = 0; i < count; ++i) {
    for (const auto& [method, route] : endpoints[i]->methods) methods.insert(method);
  }
  if (methods.count("GET")) methods.insert("HEAD");
  std::string text;
  for (const auto& method : methods) text += (text.empty() ? "" : ", ") + method;
  return text;
}

}  // namespace

struct RouteTable::Impl {
  std::unordered_map<std::string, std::unique_ptr<Segment>, TextHash, std::equal_to<>> hosts;
  Segment any_host;
  bool any_slash = false;
  std::unique_ptr<RouteTable> fallbacks;

  // As RouteTable::match(), fallbacks aside.
  Match match(std::string_view host, std::string_view raw, std::string_view method, MatchBuffer& buffer) const;

  static void freeze(Segment& segment) {
    for (Endpoint* endpoint : {&segment.here, &segment.rest}) endpoint->allow = join_methods(&endpoint, 1);
    for (auto& [name, child] : segment.literals) freeze(*child);
    if (segment.parameter) freeze(*segment.parameter);
  }

  // Splits raw, then decodes once. False: no path that anything can be found under.
  static bool split(std::string_view raw, MatchBuffer& buffer, Path& path);
};

bool RouteTable::Impl::split(std::string_view raw, MatchBuffer& buffer, Path& path) {
  if (raw.empty() || raw.front() != '/') return false;
  const bool plain = raw.find('%') == std::string_view::npos;
  const bool dots = raw.find("/.") != std::string_view::npos || !plain;
  if (!plain || dots) {
    // Decoded segments side by side, each followed by '/': at most as long as the raw path, so views stay put.
    buffer.decoded.reserve(2 * raw.size() + 2);
  }
  size_t at = 1;
  bool trailing = false;  // a final dot segment stands for a directory: "/a/." is "/a/"
  while (true) {
    const size_t end = std::min(raw.find('/', at), raw.size());
    std::string_view segment = raw.substr(at, end - at);
    if (segment.find('%') != std::string_view::npos) {
      const size_t begin = buffer.decoded.size();
      if (!http::percent_decode(segment, buffer.decoded)) return false;
      segment = std::string_view(buffer.decoded).substr(begin);
      if (segment.find('\0') != std::string_view::npos) return false;
    }
    trailing = false;
    if (is_dot(segment)) {
      if (segment == "..") {
        if (path.count == 0) return false;
        --path.count;
      }
      trailing = true;
    } else {
      if (path.count == kMaxSegments) return false;
      path.segments[path.count++] = segment;
    }
    if (end == raw.size()) break;
    at = end + 1;
  }
  if (trailing) {
    if (path.count == kMaxSegments) return false;
    path.segments[path.count++] = std::string_view(raw.data(), 0);
  }
  // The remainders, for `*`: a view where the segments still lie side by side in one piece, else a copy.
  const std::string_view whole = raw;
  path.rests[path.count] = std::string_view(whole.data() + whole.size(), 0);
  if (!dots) {
    for (size_t i = 0; i < path.count; ++i) {
      const char* begin = path.segments[i].data();
      path.rests[i] = std::string_view(begin, static_cast<size_t>(whole.data() + whole.size() - begin));
    }
    return true;
  }
  size_t total = 0;
  for (size_t i = 0; i < path.count; ++i) total += path.segments[i].size() + 1;
  if (buffer.decoded.capacity() < buffer.decoded.size() + total) return false;  // cannot happen: see reserve() above
  std::array<size_t, kMaxSegments> begins{};
  for (size_t i = 0; i < path.count; ++i) {
    begins[i] = buffer.decoded.size();
    buffer.decoded.append(path.segments[i]);
    if (i + 1 < path.count) buffer.decoded += '/';
  }
  for (size_t i = 0; i < path.count; ++i) path.rests[i] = std::string_view(buffer.decoded).substr(begins[i]);
  return true;
}

RouteTable::RouteTable() : impl_(std::make_unique<Impl>()) {}
RouteTable::~RouteTable() = default;
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;

namespace {

// The name in "{name}", "{name:path}", "<name>" or "<int:name>", which other frameworks write; else empty. As a literal
// it would answer nobody: no client sends these unescaped.
std::string foreign_parameter(std::string_view segment) {
  if (segment.size() < 3) return {};
  const bool braces = segment.front() == '{' && segment.back() == '}';
  if (!braces && !(segment.front() == '<' && segment.back() == '>')) return {};
  segment = segment.substr(1, segment.size() - 2);
  const size_t colon = segment.find(':');
  if (colon != std::string_view::npos) segment = braces ? segment.substr(0, colon) : segment.substr(colon + 1);
  return std::string(segment);
}

}  // namespace

void RouteTable::add(const Pattern& pattern) {
  if (pattern.fallback) {
    Pattern plain = pattern;
    plain.fallback = false;
    if (!impl_->fallbacks) impl_->fallbacks = std::make_unique<RouteTable>();
    try {
      impl_->fallbacks->add(plain);
    } catch (const RouteTaken&) {
      // The first one counts.
    }
    return;
  }
  if (pattern.path.empty() || pattern.path.front() != '/') {
    throw std::invalid_argument("\"" + pattern.path + "\": a pattern begins with /");
  }
  Segment* node = &impl_->any_host;
  if (!pattern.host.empty()) {
    auto& host = impl_->hosts[pattern.host];
    if (!host) host = std::make_unique<Segment>();
    node = host.get();
  }
  std::vector<std::string> names;
  bool rest = false;
  size_t count = 0;
  for (size_t at = 1; !rest;) {
    const size_t end = std::min(pattern.path.find('/', at), pattern.path.size());
    const std::string segment = pattern.path.substr(at, end - at);
    if (++count > kMaxSegments - 1) throw std::invalid_argument("\"" + pattern.path + "\" has too many segments");
    if (!segment.empty() && segment.front() == '*') {
      if (end != pattern.path.size()) {
        throw std::invalid_argument("\"" + pattern.path + "\": \"" + segment + "\" can only be the last segment");
      }
      names.push_back(segment.size() > 1 ? segment.substr(1) : "*");
      rest = true;
    } else if (!segment.empty() && segment.front() == ':') {
      const std::string name = segment.substr(1);
      if (name.empty()) throw std::invalid_argument("\"" + pattern.path + "\": \":\" is followed by a name");
      if (std::find(names.begin(), names.end(), name) != names.end()) {
        throw std::invalid_argument("\"" + pattern.path + "\" has two parameters \"" + name + "\"");
      }
      names.push_back(name);
      if (!node->parameter) node->parameter = std::make_unique<Segment>();
      node = node->parameter.get();
    } else {
      if (const std::string name = foreign_parameter(segment); !name.empty()) {
        throw std::invalid_argument("\"" + pattern.path + "\": a parameter is written :" + name + ", not " + segment +
                                    " (or *" + name + " for all that remains)");
      }
      std::string literal;
      if (!http::percent_decode(segment, literal) || is_dot(literal)) {
        throw std::invalid_argument("\"" + pattern.path + "\": \"" + segment + "\" can be no segment");
      }
      auto& child = node->literals[literal];
      if (!child) child = std::make_unique<Segment>();
      node = child.get();
    }
    if (end == pattern.path.size()) break;
    at = end + 1;
  }
  Endpoint& endpoint = rest ? node->rest : node->here;
  endpoint.directory = endpoint.directory || pattern.directory;
  // Of a path that ends in a slash or a remainder there is none with a slash more.
  if (pattern.slash && !rest && !pattern.path.ends_with('/')) endpoint.slash = impl_->any_slash = true;
  if (pattern.methods.empty()) {
    if (endpoint.any != Endpoint::kNoRoute) throw RouteTaken(endpoint.any);
    endpoint.any = pattern.route;
    endpoint.any_names = names;
  }
  for (const auto& method : pattern.methods) {
    for (const auto& [taken, route] : endpoint.methods) {
      if (taken == method && route != pattern.route) throw RouteTaken(route);
    }
    endpoint.methods.emplace_back(method, pattern.route);
    endpoint.names.emplace_back(method, names);
  }
}

void RouteTable::freeze() {
  Impl::freeze(impl_->any_host);
  for (auto& [host, root] : impl_->hosts) Impl::freeze(*root);
  if (impl_->fallbacks) impl_->fallbacks->freeze();
}

Match RouteTable::match(std::string_view host, std::string_view raw, std::string_view method,
                        MatchBuffer& buffer) const noexcept {
  const Match match = impl_->match(host, raw, method, buffer);
  const bool refused = match.outcome == Outcome::method_not_allowed;
  if (!impl_->fallbacks || (match.outcome != Outcome::not_found && !refused)) return match;
  const std::string allow(match.allow);
  // So that what is appended below moves nothing: see split().
  buffer.decoded.reserve(2 * raw.size() + 2 + allow.size());
  const Match fallback = impl_->fallbacks->match(host, raw, method, buffer);
  if (fallback.outcome != Outcome::found) return impl_->match(host, raw, method, buffer);
  if (refused) {
    const size_t begin = buffer.decoded.size();
    buffer.decoded += allow;
    static constexpr std::string_view kName = "allow";
    buffer.params.push_back({{kName.data(), kName.size()}, {buffer.decoded.data() + begin, allow.size()}});
  }
  return fallback;
}

Match RouteTable::Impl::match(std::string_view host, std::string_view raw, std::string_view method,
                              MatchBuffer& buffer) const {
  buffer.clear();
  Path path;
  if (!split(raw, buffer, path)) return {Outcome::bad_path, 0, {}};

  const Segment* roots[2] = {nullptr, &any_host};
  if (!hosts.empty()) {
    std::array<char, 256> lower;
    const auto found = hosts.find(plain_host(host, lower));
    if (found != hosts.end()) roots[0] = found->second.get();
  }
  for (const Segment* root : roots) {
    if (!root) continue;
    Search search{path, method};
    uint32_t route = find(search, *root, 0);
    if (route == Endpoint::kNoRoute && search.refused_count == 0 && any_slash && path.count > 1 &&
        path.segments[path.count - 1].empty()) {
      --path.count;
      search.without_slash = true;
      route = find(search, *root, 0);
      ++path.count;
    }
    if (route != Endpoint::kNoRoute) {
      for (size_t i = 0; i < search.names->size(); ++i) {
        const std::string& name = (*search.names)[i];
        const std::string_view value = search.values[i];
        buffer.params.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
      }
      return {search.add_slash ? Outcome::add_slash : Outcome::found, route, {}};
    }
    if (search.refused_count == 1) return {Outcome::method_not_allowed, 0, search.refused[0]->allow};
    if (search.refused_count > 1) {
      buffer.allow = join_methods(search.refused.data(), search.refused_count);
      return {Outcome::method_not_allowed, 0, buffer.allow};
    }
  }
  return {Outcome::not_found, 0, {}};
}

}  // namespace roost::routing
