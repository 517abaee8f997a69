#include "traceback_response.hpp"

#include <iterator>
#include <string>

#include "host.hpp"
#include "http/error_page.hpp"

namespace roost::bridge {

void respond_with_traceback(const roost_request* request, roost_responder* responder, std::string_view name,
                            std::string_view traceback) {
  const std::string why = std::string(name) + " raised\n" + std::string(traceback);
  log(ROOST_LOG_ERROR, "request " + std::string(view(host->text(request, ROOST_TEXT_REQUEST_ID))) + ": " + why);
  const bool html = http::accepts_html(view(host->header(request, str("accept"))));
  std::string where(name);
  where.append(", called for ").append(view(request->method)).append(" ").append(view(request->target));
  const std::string body = html ? http::error_page(where, traceback) : why;
  const roost_field fields[] = {
      {str("Content-Type"), str(html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8")},
      {str("Cache-Control"), str("no-store")},
      {str("Vary"), str("Accept")},
      {str("Content-Security-Policy"), str(http::kErrorPagePolicy)},
  };
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = 500;
  response.headers = fields;
  response.header_count = std::size(fields);
  response.body = str(body);
  host->respond(responder, &response);
}

}  // namespace roost::bridge
