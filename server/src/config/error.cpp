#include "config/error.hpp"

namespace roost::config {

namespace {

std::string line_of(const Place& place, const std::string& key, const std::string& problem) {
  std::string text;
  if (place.file && !place.file->empty()) {
    text += *place.file;
    if (place.line > 0) text += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
    text += ": ";
  }
  if (!key.empty()) text += key + ": ";
  return text + problem;
}

}  // namespace

ConfigError::ConfigError(const Place& place, const std::string& key, const std::string& problem)
    : std::runtime_error(line_of(place, key, problem)) {}

}  // namespace roost::config
