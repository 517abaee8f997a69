// The server's functions as plugins call them: each finds the C++ object behind the C handle and hands the call on.
// Arguments that break the contract are answered with ROOST_INVALID; nothing is thrown through here.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/log.hpp"
#include "base/version.hpp"
#include "dispatch/worker_services.hpp"
#include "handlers/named_file.hpp"
#include "http/exchange.hpp"
#include "http/form_parser.hpp"
#include "http/response_head.hpp"
#include "websocket/connection.hpp"

// The opaque parser of the ABI, which PluginFormParser is.
struct roost_form_parser {};

namespace roost::dispatch {
namespace {

using http::exchange_of;
using http::view;

bool is_kind(roost_ws_kind kind) {
  return kind == ROOST_WS_TEXT || kind == ROOST_WS_BINARY;
}

http::Exchange& exchange_of(const roost_request* request) {
  return *static_cast<const http::Request*>(request)->exchange;
}

WorkerServices& services_of(roost_worker* worker) {
  return *static_cast<WorkerServices*>(worker);
}

http::ResponseHead& head_of(roost_response_head* head) {
  return *static_cast<http::ResponseHead*>(head);
}

const http::ResponseHead& head_of(const roost_response_head* head) {
  return *static_cast<const http::ResponseHead*>(head);
}

// A response that does not reach what this server reads of it is none.
bool whole(const roost_response* response) {
  return response != nullptr && ROOST_HAS(response, file_size);
}

// What is asked of the host as a whole, outside of any worker: nobody is there to ask.
template <class Ask>
roost_status ask_worker(Ask ask) {
  WorkerServices* const worker = WorkerServices::current();
  return worker == nullptr ? ROOST_UNSUPPORTED : ask(*worker);
}

// Logging ---------------------------------------------------------------------------------------------------------

void log(roost_log_level level, roost_str source, roost_str message) {
  base::log(level, view(source), view(message));
}

int log_enabled(roost_log_level level) {
  return base::log_enabled(level);
}

// Requests --------------------------------------------------------------------------------------------------------

roost_str header(const roost_request* request, roost_str name) {
  return http::str(exchange_of(request).header(view(name)));
}

roost_str text(const roost_request* request, roost_text which) {
  return http::str(exchange_of(request).text(which));
}

const roost_form* form(const roost_request* request) {
  return &exchange_of(request).form();
}

roost_status form_file_path(const roost_request* request, const roost_form_file* file, roost_str* path,
                            roost_error* error) {
  return file == nullptr || path == nullptr ? ROOST_INVALID : exchange_of(request).form_file_path(*file, *path, error);
}

// A parser as plugins hold it.
struct PluginFormParser final : roost_form_parser, http::FormSink {
  PluginFormParser(const http::Exchange& exchange, const roost_form_callbacks& told, void* argument)
      : callbacks(told), arg(argument), parser(exchange.header("content-type"), exchange.form_limits(), *this) {}
  void part(const http::FormPart& part) override {
    const roost_form_part shown{sizeof shown, part.is_file, http::str(part.name), http::str(part.filename),
                                http::str(part.content_type)};
    callbacks.on_part(arg, &shown);
  }
  void data(std::string_view bytes) override { callbacks.on_data(arg, http::str(bytes)); }
  void part_end() override { callbacks.on_part_end(arg); }
  uint32_t status(roost_str* why) const {
    if (why != nullptr) *why = http::str(parser.why());
    return parser.status();
  }

  const roost_form_callbacks& callbacks;
  void* const arg;
  http::FormParser parser;
};

roost_form_parser* form_parser_new(const roost_request* request, const roost_form_callbacks* callbacks, void* arg) {
  const bool usable = callbacks != nullptr && ROOST_HAS(callbacks, on_part_end) && callbacks->on_part != nullptr &&
                      callbacks->on_data != nullptr && callbacks->on_part_end != nullptr;
  return usable ? new PluginFormParser(exchange_of(request), *callbacks, arg) : nullptr;
}

uint32_t form_parser_feed(roost_form_parser* parser, roost_str bytes, roost_str* why) {
  auto& own = *static_cast<PluginFormParser*>(parser);
  own.parser.feed(bytes.data, bytes.size);
  return own.status(why);
}

uint32_t form_parser_finish(roost_form_parser* parser, roost_str* why) {
  auto& own = *static_cast<PluginFormParser*>(parser);
  own.parser.finish();
  return own.status(why);
}

void form_parser_free(roost_form_parser* parser) {
  delete static_cast<PluginFormParser*>(parser);
}

// Responses -------------------------------------------------------------------------------------------------------

roost_status respond(roost_responder* responder, const roost_response* response) {
  return whole(response) ? exchange_of(responder).respond(*response) : ROOST_INVALID;
}

roost_status respond_file(roost_responder* responder, const roost_response* head, roost_str path) {
  return whole(head) ? handlers::respond_with_named_file(exchange_of(responder), *head, view(path)) : ROOST_INVALID;
}

void fail(roost_responder* responder, roost_str why) {
  exchange_of(responder).fail(view(why));
}

void drop(roost_responder* responder) {
  exchange_of(responder).drop();
}

roost_status start(roost_responder* responder, const roost_response* head) {
  return whole(head) ? exchange_of(responder).start(*head) : ROOST_INVALID;
}

roost_status write(roost_responder* responder, roost_str bytes) {
  return exchange_of(responder).write(view(bytes));
}

roost_status finish(roost_responder* responder, const roost_field* trailers, size_t trailer_count) {
  return exchange_of(responder).finish(trailers, trailers == nullptr ? 0 : trailer_count);
}

roost_status on_writable(roost_responder* responder, void (*callback)(void*), void* arg) {
  return callback == nullptr ? ROOST_INVALID : exchange_of(responder).on_writable(callback, arg);
}

roost_status on_cancel(roost_responder* responder, void (*callback)(void*), void* arg) {
  return callback == nullptr ? ROOST_INVALID : exchange_of(responder).on_cancel(callback, arg);
}

int cancelled(const roost_responder* responder) {
  return static_cast<const http::Exchange*>(responder)->cancelled();
}

roost_status on_release(roost_responder* responder, void (*callback)(void*), void* arg) {
  return callback == nullptr ? ROOST_INVALID : exchange_of(responder).on_release(callback, arg);
}

roost_status read_body(roost_responder* responder, const roost_body_callbacks* callbacks, void* arg) {
  const bool usable = callbacks != nullptr && ROOST_HAS(callbacks, on_error) && callbacks->on_data != nullptr &&
                      callbacks->on_end != nullptr && callbacks->on_error != nullptr;
  return usable ? exchange_of(responder).read_body(*callbacks, arg) : ROOST_INVALID;
}

void pause_body(roost_responder* responder) {
  exchange_of(responder).pause_body();
}

void resume_body(roost_responder* responder) {
  exchange_of(responder).resume_body();
}

roost_status resume(roost_responder* responder) {
  return exchange_of(responder).resume();
}

// Response heads --------------------------------------------------------------------------------------------------

uint16_t head_status(const roost_response_head* head) {
  return head_of(head).status;
}

roost_status head_set_status(roost_response_head* head, uint16_t status) {
  if (status < 200 || status > 599) return ROOST_INVALID;
  head_of(head).status = status;
  return ROOST_OK;
}

roost_str head_get(const roost_response_head* head, roost_str name) {
  const std::string* const value = head_of(head).get(view(name));
  return value == nullptr ? roost_str{} : http::str(*value);
}

roost_status head_set(roost_response_head* head, roost_str name, roost_str value) {
  if (value.data == nullptr) {
    head_of(head).remove(view(name));
    return ROOST_OK;
  }
  return head_of(head).set(view(name), view(value));
}

roost_status head_add(roost_response_head* head, roost_str name, roost_str value) {
  return head_of(head).add(view(name), view(value));
}

// WebSockets ------------------------------------------------------------------------------------------------------

roost_status ws_accept(roost_responder* responder, const roost_ws_accept* accept, roost_websocket** socket) {
  const bool usable = accept != nullptr && ROOST_HAS(accept, group) && accept->callbacks != nullptr;
  return usable ? exchange_of(responder).accept_websocket(*accept, socket) : ROOST_INVALID;
}

void ws_retain(roost_websocket* socket) {
  websocket::connection_of(socket).retain();
}

void ws_release(roost_websocket* socket) {
  websocket::connection_of(socket).release();
}

roost_str ws_id(const roost_websocket* socket) {
  return http::str(static_cast<const websocket::Connection*>(socket)->id());
}

roost_status ws_send(roost_websocket* socket, roost_ws_kind kind, roost_str data) {
  return is_kind(kind) ? websocket::connection_of(socket).send(kind, view(data)) : ROOST_INVALID;
}

roost_status ws_close(roost_websocket* socket, uint16_t code, roost_str reason) {
  return websocket::connection_of(socket).close(code, view(reason));
}

size_t ws_buffered(const roost_websocket* socket) {
  return static_cast<const websocket::Connection*>(socket)->buffered();
}

void ws_pause(roost_websocket* socket) {
  websocket::connection_of(socket).pause();
}

void ws_resume(roost_websocket* socket) {
  websocket::connection_of(socket).resume();
}

roost_status ws_subscribe(roost_websocket* socket, roost_str topic) {
  return websocket::connection_of(socket).subscribe(view(topic));
}

roost_status ws_unsubscribe(roost_websocket* socket, roost_str topic) {
  return websocket::connection_of(socket).unsubscribe(view(topic));
}

roost_status ws_send_to(roost_str id, roost_ws_kind kind, roost_str data) {
  if (!is_kind(kind)) return ROOST_INVALID;
  return ask_worker([&](WorkerServices& worker) { return worker.send_to(view(id), kind, view(data)); });
}

roost_status ws_broadcast(roost_str group, roost_ws_kind kind, roost_str data, roost_str except) {
  if (!is_kind(kind)) return ROOST_INVALID;
  return ask_worker(
      [&](WorkerServices& worker) { return worker.broadcast(view(group), kind, view(data), view(except)); });
}

roost_status ws_list(roost_str group, void (*each)(void*, roost_str), void* arg) {
  if (each == nullptr) return ROOST_INVALID;
  return ask_worker([&](WorkerServices& worker) { return worker.list(view(group), each, arg); });
}

roost_status ws_publish(roost_str topic, roost_ws_kind kind, roost_str data, roost_str except) {
  if (!is_kind(kind)) return ROOST_INVALID;
  return ask_worker(
      [&](WorkerServices& worker) { return worker.publish(view(topic), kind, view(data), view(except)); });
}

// Workers ---------------------------------------------------------------------------------------------------------

roost_status post(roost_worker* worker, uint32_t thread, void (*fn)(void*), void* arg) {
  return fn == nullptr ? ROOST_INVALID : services_of(worker).post(thread, fn, arg);
}

roost_status submit(roost_worker* worker, void (*fn)(void*), void* arg) {
  return fn == nullptr ? ROOST_INVALID : services_of(worker).submit(fn, arg);
}

roost_status worker_info(roost_worker* worker, roost_worker_info* info) {
  if (info == nullptr || !ROOST_HAS(info, development)) return ROOST_INVALID;
  // Of an older plugin it is shorter.
  roost_worker_info all = services_of(worker).info();
  all.struct_size = std::min<uint32_t>(info->struct_size, sizeof all);
  std::memcpy(info, &all, all.struct_size);
  return ROOST_OK;
}

roost_status on_drain(roost_worker* worker, void (*fn)(void*), void* arg) {
  return services_of(worker).on_drain(fn, arg);
}

roost_status retire(roost_worker* worker, roost_str why) {
  return services_of(worker).retire(view(why));
}

roost_status metric_add(roost_str, roost_str, double) {
  return ROOST_UNSUPPORTED;
}

roost_host make_host() {
  roost_host host{};
  host.struct_size = sizeof host;
  host.abi_version = ROOST_ABI_VERSION;
  host.capabilities = ROOST_CAN_STREAM | ROOST_CAN_READ_BODY | ROOST_CAN_WEBSOCKET | ROOST_CAN_TOPICS |
                      ROOST_CAN_READ_FORM | ROOST_CAN_SEND_FILES;
  host.server_version = http::str(version());
  host.log = log;
  host.log_enabled = log_enabled;
  host.header = header;
  host.text = text;
  host.respond = respond;
  host.fail = fail;
  host.drop = drop;
  host.start = start;
  host.write = write;
  host.finish = finish;
  host.on_writable = on_writable;
  host.on_cancel = on_cancel;
  host.cancelled = cancelled;
  host.read_body = read_body;
  host.pause_body = pause_body;
  host.resume_body = resume_body;
  host.resume = resume;
  host.head_status = head_status;
  host.head_set_status = head_set_status;
  host.head_get = head_get;
  host.head_set = head_set;
  host.head_add = head_add;
  host.ws_accept = ws_accept;
  host.ws_retain = ws_retain;
  host.ws_release = ws_release;
  host.ws_id = ws_id;
  host.ws_send = ws_send;
  host.ws_close = ws_close;
  host.ws_buffered = ws_buffered;
  host.ws_send_to = ws_send_to;
  host.ws_broadcast = ws_broadcast;
  host.ws_list = ws_list;
  host.ws_subscribe = ws_subscribe;
  host.ws_unsubscribe = ws_unsubscribe;
  host.ws_publish = ws_publish;
  host.post = post;
  host.submit = submit;
  host.worker_info = worker_info;
  host.retire = retire;
  host.on_drain = on_drain;
  host.metric_add = metric_add;
  host.on_release = on_release;
  host.form = form;
  host.form_file_path = form_file_path;
  host.form_parser_new = form_parser_new;
  host.form_parser_feed = form_parser_feed;
  host.form_parser_finish = form_parser_finish;
  host.form_parser_free = form_parser_free;
  host.ws_pause = ws_pause;
  host.ws_resume = ws_resume;
  host.respond_file = respond_file;
  return host;
}

}  // namespace

const roost_host& host() {
  static const roost_host table = make_host();
  return table;
}

}  // namespace roost::dispatch
