#include "config/error.hpp"

namespace roost::config {

namespace {

std::string line_of(const Place& place, const std::string& key, const std::string& problem) {
  std::string text;
  if (place.file && !place.file->empty()) {
    text += *place.file;
    // What `python app.py` says has no lines that anybody wrote.
    if (place.line > 0 && !place.file->ends_with(".py"))
      text += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
    text += ": ";
  }
  if (!key.empty()) text += key + ": ";
  return text + problem;
}

}  // namespace

ConfigError::ConfigError(const Place& place, const std::string& key, const std::string& problem)
    : std::runtime_error(line_of(place, key, problem)) {}

}  // namespace roost::config
