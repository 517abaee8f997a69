#include "file_response.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include "host.hpp"

namespace roost::bridge {

void send_file(const Target& target, roost_responder* responder, Answer& answer) {
  const std::string path(PyBytes_AS_STRING(answer.source()), static_cast<size_t>(PyBytes_GET_SIZE(answer.source())));
  const roost_response head = answer.head();
  roost_status status = ROOST_OK;
  int problem = 0;
  {
    const WithoutGil released;
    status = host->respond_file(responder, &head, str(path));
    problem = errno;
  }
  if (status == ROOST_INVALID) {
    host->fail(responder, str("the handler's response has a header that HTTP does not allow"));
  } else if (status == ROOST_ERROR) {
    const std::string why = target.name + ": the file " + path + " cannot be sent: " + std::strerror(problem);
    if (problem == ENOENT || problem == ENOTDIR || problem == EISDIR || problem == ENAMETOOLONG) {
      log(ROOST_LOG_WARNING, why);
      const roost_field type{str("Content-Type"), str("text/plain; charset=utf-8")};
      roost_response missing{};
      missing.struct_size = sizeof missing;
      missing.status = 404;
      missing.headers = &type;
      missing.header_count = 1;
      missing.body = str("Not Found\n");
      host->respond(responder, &missing);
    } else {
      host->fail(responder, str(why));
    }
  }
  answer.discard();
}

}  // namespace roost::bridge
