#include "field_list.hpp"

#include <algorithm>

namespace roost::bridge {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char folded = lower(c);
  return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : -1;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string percent_decode(std::string_view text, bool plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      decoded += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::ptrdiff_t FieldList::last(std::string_view wanted) const {
  for (size_t i = entries_.size(); i-- > 0;) {
    if (matches(i, wanted)) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

FieldList::Entry FieldList::keep(std::string_view name, std::string_view value) {
  // Views may point into text_ itself, which append() may move.
  const std::string copy = std::string(name).append(value);
  const Entry entry{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(name.size()),
                    static_cast<uint32_t>(text_.size() + name.size()), static_cast<uint32_t>(value.size())};
  text_ += copy;
  return entry;
}

void FieldList::add(std::string_view name, std::string_view value) {
  const size_t begin = text_.size();
  if (text_.capacity() - begin < name.size() + value.size()) {
    entries_.push_back(keep(name, value));
    return;
  }
  text_.append(name).append(value);
  entries_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(name.size()),
                      static_cast<uint32_t>(begin + name.size()), static_cast<uint32_t>(value.size())});
}

void FieldList::set(std::string_view name, std::string_view value) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!matches(i, name)) continue;
    const Entry entry = keep(name, value);
    entries_[i] = entry;
    const std::string_view kept = this->name(i);
    for (size_t j = entries_.size(); j-- > i + 1;) {
      if (matches(j, kept)) entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(j));
    }
    return;
  }
  add(name, value);
}

size_t FieldList::remove(std::string_view name) {
  size_t removed = 0;
  for (size_t i = entries_.size(); i-- > 0;) {
    if (!matches(i, name)) continue;
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
    ++removed;
  }
  return removed;
}

void FieldList::add_query(std::string_view query) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    add(percent_decode(pair.substr(0, equals), true),
        percent_decode(pair.substr(std::min(equals + 1, pair.size())), true));
  }
}

}  // namespace roost::bridge
