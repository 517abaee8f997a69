#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>

#include "cli/commands.hpp"
#include "cli/configuration_argument.hpp"
#include "config/reader.hpp"
#include "config/scalar.hpp"
#include "config/suggestion.hpp"
#include "middleware/scoped_middleware.hpp"

namespace roost::cli {

namespace {

struct Question {
  std::string method, path, host;
};

std::string place_text(const config::Place& place) {
  return (place.file ? *place.file : std::string()) + ":" + std::to_string(place.line) + ":" +
         std::to_string(place.column);
}

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string scope_text(const config::Middleware& link) {
  std::string text;
  if (!link.paths.empty()) text += "paths: " + list_text(link.paths);
  if (!link.methods.empty()) text += (text.empty() ? "" : "; ") + std::string("methods: ") + list_text(link.methods);
  return text;
}

const config::Middleware* configured(const config::Configuration& configuration, const std::string& name) {
  for (const config::Middleware& link : configuration.middleware) {
    if (link.name == name) return &link;
  }
  return nullptr;
}

const config::Route* configured(const config::Configuration& configuration, const config::Place& place) {
  for (const config::Route& route : configuration.routes) {
    if (route.place.line == place.line && route.place.column == place.column) return &route;
  }
  return nullptr;
}

// Every link that the request meets, outermost first, and why; then those that it does not.
void explain_chain(const dispatch::Site& site, const std::vector<middleware::Middleware*>& chain,
                   const config::Route* route, const Question& question) {
  std::vector<std::string> met, other;
  for (const middleware::Middleware* link : chain) {
    const auto* scoped = dynamic_cast<const middleware::ScopedMiddleware*>(link);
    const config::Middleware* config = configured(site.configuration(), link->name());
    const std::string scope = config ? scope_text(*config) : "";
    if (scoped != nullptr && !scoped->applies(question.path, question.method)) {
      other.push_back(link->name() + " (" + scope + ")");
    } else {
      const bool named = route && std::find(route->middleware.begin(), route->middleware.end(), link->name()) !=
                                      route->middleware.end();
      met.push_back(link->name() + " (" + (named ? "named by the route" : scope.empty() ? "everywhere" : scope) + ")");
    }
  }
  for (const config::Middleware& config : site.configuration().middleware) {
    const auto same = [&](const middleware::Middleware* link) { return link->name() == config.name; };
    if (std::none_of(chain.begin(), chain.end(), same)) other.push_back(config.name + " (" + scope_text(config) + ")");
  }
  std::cout << "middleware: " << (met.empty() ? "none" : "") << "\n";
  for (const std::string& line : met) std::cout << "  " << line << "\n";
  if (!other.empty()) std::cout << "not met:    " << list_text(other) << "\n";
}

void explain_found(const dispatch::Site& site, const dispatch::Route& route, const routing::MatchBuffer& buffer,
                   const Question& question) {
  std::cout << "route:      " << (route.methods.empty() ? "any method" : route.methods) << " " << route.host
            << route.path << "\nhandler:    " << route.name << "\nplace:      " << place_text(route.place) << "\n";
  for (const roost_field& param : buffer.params) {
    std::cout << "parameter:  " << http::view(param.name) << " = \"" << http::view(param.value) << "\"\n";
  }
  explain_chain(site, route.chain, configured(site.configuration(), route.place), question);
  std::cout << "limits:     body " << config::size_text(route.body_bytes) << ", handler "
            << config::duration_text(route.handler_timeout) << "\n";
}

int explain(const dispatch::Site& site, const Question& question) {
  routing::MatchBuffer buffer;
  const routing::Match match = site.table().match(question.host, question.path, question.method, buffer);
  switch (match.outcome) {
    case routing::Outcome::found:
      explain_found(site, site.routes().at(match.route), buffer, question);
      return 0;
    case routing::Outcome::add_slash:
      std::cout << "308: a directory is asked for without its final slash: redirected to " << question.path << "/\n";
      return 0;
    case routing::Outcome::bad_path:
      std::cout << "400: this path is malformed, or leaves the root\n";
      return 0;
    case routing::Outcome::method_not_allowed: {
      const bool options = question.method == "OPTIONS";
      std::cout << (options ? "204, answered by the server" : "405: no route here takes " + question.method)
                << "; Allow: " << match.allow << "\n";
      break;
    }
    case routing::Outcome::not_found: {
      std::vector<std::string> paths;
      for (const dispatch::Route& route : site.routes()) paths.push_back(route.host + route.path);
      std::cout << "404: no route matches " << question.path << config::suggestion(question.path, paths) << "\n";
      break;
    }
  }
  explain_chain(site, site.unmatched_chain(), nullptr, question);
  return 0;
}

}  // namespace

void add_explain(CLI::App& parent, Run& run) {
  CLI::App* command =
      parent.add_subcommand("explain", "Say which route answers a request, through which middleware, and why");
  const auto file = add_file_argument(*command);
  const auto question = std::make_shared<Question>();
  command->add_option("METHOD", question->method, "GET, POST, ...")->required();
  command->add_option("PATH", question->path, "As in a request: /users/1")->required();
  command->add_option("--host", question->host, "The request's Host");
  command->callback([&run, file, question] {
    if (question->path.empty() || question->path.front() != '/') {
      throw CLI::ValidationError("PATH", "\"" + question->path + "\" does not begin with /");
    }
    run = [file = *file, question = *question]() mutable {
      question.path = question.path.substr(0, question.path.find('?'));
      std::transform(question.method.begin(), question.method.end(), question.method.begin(), ::toupper);
      const config::Configuration configuration = config::read_file(file);
      return in_child([&] { return explain(*LoadedSite(configuration, true).site, question); });
    };
  });
}

}  // namespace roost::cli
