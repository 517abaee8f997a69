// What the functional tests ask the server through: handlers of every kind that answer with what they saw, late, in
// pieces, or not at all. Written over abi.h itself, as a plugin in another language would be.
#include <roost/abi.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace {

const roost_host* host;

std::atomic<int> cancelled{0}, body_errors{0}, waiting{0};
std::mutex kept_mutex;
std::condition_variable kept_changed;
std::vector<roost_responder*> kept;  // guarded by kept_mutex
unsigned opened = 0;                 // guarded by kept_mutex: how often the gate was opened

roost_str str(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(roost_str text) {
  return {text.data, text.size};
}

roost_status respond(roost_responder* responder, std::string_view body, uint16_t status = 200,
                     const std::vector<roost_field>& headers = {}, uint16_t flags = 0) {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status;
  response.flags = flags;
  response.headers = headers.data();
  response.header_count = headers.size();
  response.body = str(body);
  response.file = -1;
  return host->respond(responder, &response);
}

size_t number(std::string_view query, std::string_view name, size_t otherwise) {
  const std::string key = std::string(name) + "=";
  const size_t at = query.find(key);
  return at == std::string_view::npos ? otherwise
                                      : std::strtoull(std::string(query.substr(at + key.size())).c_str(), nullptr, 10);
}

// The body back; a spilled one as its size, a sum over its bytes, and that it was in a file.
roost_status echo(void*, const roost_request* request, roost_responder* responder) {
  std::string path(view(request->path)), size = std::to_string(request->body_size);
  std::string trailers;
  for (size_t i = 0; i < request->trailer_count; ++i) {
    trailers +=
        std::string(view(request->trailers[i].name)) + "=" + std::string(view(request->trailers[i].value)) + ";";
  }
  const std::vector<roost_field> headers = {{str("X-Method"), request->method},
                                            {str("X-Path"), str(path)},
                                            {str("X-Query"), request->query},
                                            {str("X-Size"), str(size)},
                                            {str("X-Spilled"), str(request->body_file >= 0 ? "yes" : "no")},
                                            {str("X-Trailers"), str(trailers)}};
  if (request->body_file < 0) return respond(responder, view(request->body), 200, headers);
  std::vector<char> buffer(1 << 16);
  uint64_t sum = 0, total = 0;
  for (ssize_t got; (got = pread(request->body_file, buffer.data(), buffer.size(), static_cast<off_t>(total))) > 0;) {
    for (ssize_t i = 0; i < got; ++i) sum += static_cast<uint8_t>(buffer[static_cast<size_t>(i)]);
    total += static_cast<uint64_t>(got);
  }
  return respond(responder, std::to_string(total) + " " + std::to_string(sum), 200, headers);
}

// What the server knows of the request, a line each.
roost_status describe(void*, const roost_request* request, roost_responder* responder) {
  std::string text = "target " + std::string(view(request->target)) + "\n";
  const std::pair<const char*, roost_text> all[] = {{"id", ROOST_TEXT_REQUEST_ID}, {"ip", ROOST_TEXT_CLIENT_IP},
                                                    {"peer", ROOST_TEXT_PEER},     {"scheme", ROOST_TEXT_SCHEME},
                                                    {"host", ROOST_TEXT_HOST},     {"path", ROOST_TEXT_DECODED_PATH}};
  for (const auto& [name, which] : all)
    text += std::string(name) + " " + std::string(view(host->text(request, which))) + "\n";
  for (size_t i = 0; i < request->param_count; ++i) {
    text += "param " + std::string(view(request->params[i].name)) + "=" + std::string(view(request->params[i].value)) +
            "\n";
  }
  text += std::string("secure ") + ((request->flags & ROOST_REQUEST_SECURE) != 0 ? "yes" : "no") + "\n";
  text += "pid " + std::to_string(getpid()) + "\n";
  return respond(responder, text);
}

// Never answers by itself.
roost_status never(void*, const roost_request*, roost_responder* responder) {
  waiting.fetch_add(1);
  return host->on_cancel(
      responder,
      [](void* arg) {
        cancelled.fetch_add(1);
        waiting.fetch_sub(1);
        host->drop(static_cast<roost_responder*>(arg));
      },
      responder);
}

// Answers when the gate is opened.
roost_status late(void*, const roost_request*, roost_responder* responder) {
  waiting.fetch_add(1);
  const std::lock_guard lock(kept_mutex);
  kept.push_back(responder);
  return ROOST_OK;
}

// The same on a thread of the pool, which it holds meanwhile.
roost_status block(void*, const roost_request* request, roost_responder* responder) {
  waiting.fetch_add(1);
  std::unique_lock lock(kept_mutex);
  kept_changed.wait(lock, [before = opened] { return opened != before; });
  lock.unlock();
  waiting.fetch_sub(1);
  return respond(responder, "blocked", 200,
                 {{str("X-Id"), host->text(request, ROOST_TEXT_REQUEST_ID)},
                  {str("X-Ip"), host->text(request, ROOST_TEXT_CLIENT_IP)}});
}

roost_status open_gate(void*, const roost_request*, roost_responder* responder) {
  std::vector<roost_responder*> ready;
  {
    const std::lock_guard lock(kept_mutex);
    ready.swap(kept);
    ++opened;
  }
  kept_changed.notify_all();
  for (roost_responder* one : ready) {
    waiting.fetch_sub(1);
    respond(one, "late");
  }
  return respond(responder, std::to_string(ready.size()));
}

roost_status counts(void*, const roost_request*, roost_responder* responder) {
  return respond(responder, "waiting " + std::to_string(waiting) + " cancelled " + std::to_string(cancelled) +
                                " body_errors " + std::to_string(body_errors));
}

// One response of ?size= bytes.
roost_status big(void*, const roost_request* request, roost_responder* responder) {
  return respond(responder, std::string(number(view(request->query), "size", 1000), 'b'));
}

// ?chunks= of ?size= bytes with a trailer, each after the other was taken; ?cut=1 ends without an end; ?status=.
struct Stream {
  roost_responder* responder;
  size_t chunks, size;
  bool cut;
};

void pump(void* arg) {
  auto* stream = static_cast<Stream*>(arg);
  const std::string piece(stream->size, 's');
  while (stream->chunks > 0) {
    --stream->chunks;
    const roost_status status = host->write(stream->responder, str(piece));
    if (status == ROOST_WOULD_BLOCK) return;
    if (status != ROOST_OK) break;
  }
  if (stream->responder == nullptr) return;
  roost_responder* responder = stream->responder;
  stream->responder = nullptr;
  const roost_field trailer = {str("X-Sum"), str("done")};
  if (stream->cut) {
    host->drop(responder);
  } else {
    host->finish(responder, &trailer, 1);
  }
}

roost_status stream(void*, const roost_request* request, roost_responder* responder) {
  const std::string_view query = view(request->query);
  auto* state =
      new Stream{responder, number(query, "chunks", 3), number(query, "size", 10), number(query, "cut", 0) == 1};
  host->on_release(
      responder, [](void* arg) { delete static_cast<Stream*>(arg); }, state);
  host->on_writable(responder, pump, state);
  roost_response head{};
  head.struct_size = sizeof head;
  head.status = static_cast<uint16_t>(number(query, "status", 200));
  head.file = -1;
  host->start(responder, &head);
  pump(state);
  return ROOST_OK;
}

// Counts a streamed body and answers at its end.
struct Count {
  roost_responder* responder;
  uint64_t size = 0, pieces = 0;
};

roost_status count_body(void*, const roost_request*, roost_responder* responder) {
  static constexpr roost_body_callbacks callbacks = {
      sizeof(roost_body_callbacks),
      [](void* arg, const char*, size_t size) {
        static_cast<Count*>(arg)->size += size;
        ++static_cast<Count*>(arg)->pieces;
      },
      [](void* arg, const roost_field* trailers, size_t count) {
        std::string text = std::to_string(static_cast<Count*>(arg)->size);
        for (size_t i = 0; i < count; ++i)
          text += " " + std::string(view(trailers[i].name)) + "=" + std::string(view(trailers[i].value));
        respond(static_cast<Count*>(arg)->responder, text);
      },
      [](void* arg, int status, roost_str) {
        body_errors.fetch_add(1);
        auto* count = static_cast<Count*>(arg);
        if (status >= 400 && status < 500 && status != 499) {
          respond(count->responder, "body error", static_cast<uint16_t>(status), {}, ROOST_RESPONSE_CLOSE);
        } else {
          host->drop(count->responder);
        }
      }};
  auto* count = new Count{responder};
  host->on_release(
      responder, [](void* arg) { delete static_cast<Count*>(arg); }, count);
  return host->read_body(responder, &callbacks, count);
}

// Answers without looking at the body that is still arriving.
roost_status early(void*, const roost_request*, roost_responder* responder) {
  return respond(responder, "early", 403);
}

roost_status fail(void*, const roost_request*, roost_responder* responder) {
  host->fail(responder, str("the probe failed as it was told to"));
  return ROOST_ERROR;
}

roost_status drop(void*, const roost_request*, roost_responder* responder) {
  host->drop(responder);
  return ROOST_OK;
}

roost_status crash(void*, const roost_request*, roost_responder*) {
  std::abort();
}

roost_status log(void*, const roost_request* request, roost_responder* responder) {
  host->log(ROOST_LOG_WARNING, str("probe"), request->query);
  return respond(responder, "logged");
}

// Answers 403 to requests that carry X-Deny, and stamps what passes.
roost_decision deny(void*, const roost_request* request, roost_responder* responder, void**) {
  if (host->header(request, str("x-deny")).data == nullptr) return ROOST_CONTINUE;
  respond(responder, "denied", 403);
  return ROOST_RESPOND;
}

void stamp(void*, const roost_request*, roost_response_head* head, void*) {
  host->head_set(head, str("X-Stamp"), str(std::to_string(host->head_status(head))));
}

roost_status configure(const roost_host* given, const roost_registry* registry, const roost_value*, void**,
                       roost_error*) {
  host = given;
  const struct {
    const char* name;
    uint32_t flags;
    roost_handle_fn handle;
  } handlers[] = {{"echo", ROOST_HANDLER_IMMEDIATE, echo},
                  {"describe", ROOST_HANDLER_IMMEDIATE, describe},
                  {"never", 0, never},
                  {"late", 0, late},
                  {"block", ROOST_HANDLER_BLOCKING, block},
                  {"open", 0, open_gate},
                  {"counts", ROOST_HANDLER_IMMEDIATE, counts},
                  {"big", ROOST_HANDLER_IMMEDIATE, big},
                  {"stream", 0, stream},
                  {"count", ROOST_HANDLER_STREAM_BODY, count_body},
                  {"early", ROOST_HANDLER_STREAM_BODY, early},
                  {"fail", 0, fail},
                  {"drop", 0, drop},
                  {"crash", 0, crash},
                  {"log", ROOST_HANDLER_IMMEDIATE, log}};
  for (const auto& [name, flags, handle] : handlers) {
    const roost_handler handler = {sizeof handler, flags, str(name), handle, nullptr};
    if (registry->add_handler(registry->impl, &handler) != ROOST_OK) return ROOST_ERROR;
  }
  const roost_middleware middleware = {
      sizeof middleware, ROOST_HANDLER_IMMEDIATE, str("stamp"), deny, stamp, nullptr, nullptr};
  return registry->add_middleware(registry->impl, &middleware);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const roost_plugin* roost_plugin_v1() {
  static const roost_plugin plugin = {sizeof(roost_plugin), ROOST_ABI_VERSION, str("probe"), str("1"),
                                      str(__VERSION__),     configure,         nullptr};
  return &plugin;
}
