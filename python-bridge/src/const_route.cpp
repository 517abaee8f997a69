#include "const_route.hpp"

#include "answer.hpp"
#include "host.hpp"

namespace roost::bridge {

bool ConstRoute::add(const roost_mount_sink& sink, std::string_view methods, std::string_view pattern,
                     roost_error* error) {
  roost_route route{};
  route.struct_size = sizeof route;
  route.flags = ROOST_HANDLER_IMMEDIATE | ROOST_ROUTE_SLASH;
  route.methods = str(methods);
  route.pattern = str(pattern);
  route.name = str(name_);
  route.handle = handle;
  route.self = this;
  return sink.add_route(sink.impl, &route, error) >= 0;
}

bool ConstRoute::freeze(std::string& why) {
  const Gil gil;
  const Ref result = Ref::steal(PyObject_GetAttrString(constant_, "response"));
  Answer answer;
  if (!result || !answer.prepare(result.get())) {
    why = name_ + ": its constant response cannot be sent\n" + take_traceback();
    return false;
  }
  if (answer.kind() != Answer::Kind::whole || answer.background() != nullptr) {
    why = name_ + ": a constant response is no stream, no file and leaves nothing to be done";
    return false;
  }
  size_t size = answer.body().size();
  for (const roost_field& field : answer.fields()) size += field.name.size + field.value.size;
  text_.reserve(size);
  const auto keep = [this](std::string_view part) {
    const size_t begin = text_.size();
    text_.append(part);
    return str(std::string_view(text_).substr(begin));
  };
  for (const roost_field& field : answer.fields()) fields_.push_back({keep(view(field.name)), keep(view(field.value))});
  response_.struct_size = sizeof response_;
  response_.status = answer.status();
  response_.headers = fields_.data();
  response_.header_count = fields_.size();
  response_.body = keep(answer.body());
  response_.file = -1;
  return true;
}

roost_status ConstRoute::handle(void* self, const roost_request*, roost_responder* responder) {
  const auto* route = static_cast<const ConstRoute*>(self);
  if (host->respond(responder, &route->response_) == ROOST_INVALID)
    host->fail(responder, str("the handler's response has a header that HTTP does not allow"));
  return ROOST_OK;
}

}  // namespace roost::bridge
