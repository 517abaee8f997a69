#include "http/exchange.hpp"

#include "http/field_lookup.hpp"

namespace roost::http {

std::string_view Exchange::header(std::string_view name) const {
  return find_field(request_.headers, request_.header_count, name);
}

}  // namespace roost::http
