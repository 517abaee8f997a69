// What test_plugins.py asks the SDK through: one handler for each thing that a plugin's author can do.
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <roost/json.hpp>
#include <stdexcept>
#include <thread>

namespace {

// A thread of the plugin's own, as one that waits for a database would be: started in each worker, stopped with it.
class Background {
 public:
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    add(nullptr);
    thread_.join();
  }
  void add(std::function<void()> job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
    changed_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return !jobs_.empty(); });
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      if (!job) return;
      job();
    }
  }

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
};

Background background;

template <class F>
void in_background(F f) {
  auto kept = std::make_shared<F>(std::move(f));  // a std::function wants to be copied
  background.add([kept] { (*kept)(); });
}

std::string thread_text() {
  return roost::join(std::hash<std::thread::id>()(std::this_thread::get_id()));
}

// Writes `left` pieces, waiting for the client where it has to.
struct Pieces {
  roost::Responder responder;
  int left;

  static void go_on(const std::shared_ptr<Pieces>& self) {
    while (self->left > 0) {
      --self->left;
      if (self->responder.write(std::string(1000, static_cast<char>('a' + self->left % 26))) == roost::Sent::wait)
        return;
    }
    if (self->responder) self->responder.finish({{"X-Pieces", "done"}});
  }
};

struct Watch {
  std::string who;
  ~Watch() { roost::log_info("context of ", who, " destroyed"); }
};

}  // namespace

ROOST_PLUGIN(sdk_test, "1.2.3") {
  const roost::Config& config = plugin.config();
  const auto mode = config.text("mode", "");
  if (mode == "throw") throw std::runtime_error("thrown while configuring");
  if (mode == "twice") {
    plugin.handler("sync", [](const roost::Request&) { return roost::Response(); });
  }
  if (mode == "picky") config.fail("mode", "\"picky\" is not for today");

  std::string read = roost::join(config.integer("limit", 7), " ", config.integer<uint8_t>("small", 8), " ",
                                 config.number("ratio", 0.5), " ", config.boolean("flag", false), " ",
                                 config.duration("wait", std::chrono::milliseconds(1500)).count(), " ",
                                 config.size("size", 1024), " ", config.map("nested").text("name", "none"));
  for (const std::string& name : config.texts("names")) read += " " + name;
  plugin.handler("config", [read](const roost::Request&) { return roost::Response::text(read); });

  // Requests and responses.
  plugin.handler("sync", [](const roost::Request& request) {
    return roost::Response::text("sync ", request.path("name")).with_status(201).header("X-Test", "yes");
  });
  plugin.handler("about", [](const roost::Request& request) {
    size_t headers = 0;
    for (const roost::Field field : request.headers()) headers += field.name.empty() ? 0 : 1;
    return roost::Response::text(
        request.method(), " ", request.path(), " ", request.query(), " q=", request.query_param("q", "-"),
        " n=", request.query_param<int>("n").value_or(-1), " h=", request.header("x-TEST"), " host=", request.host(),
        " ip=", request.client_ip(), " ", request.scheme(), " id=", request.request_id().size() > 0,
        " headers=", headers > 0, " body=", request.body_size());
  });
  plugin.handler("item", [](const roost::Request& request) { return roost::Response::json(request.path<int>("id")); });
  plugin.handler("body", [](const roost::Request& request) {
    return roost::Response::bytes(request.read_body()).header("X-Spilled", request.body_file() >= 0 ? "yes" : "no");
  });
  plugin.handler("file", [](const roost::Request&) { return roost::Response::file("/proc/self/no-such-file"); });
  plugin.handler("self", [](const roost::Request&) { return roost::Response::file("/etc/passwd", "text/plain"); });
  plugin.handler("below", [](const roost::Request& request) {
    return roost::Response::file_in("/usr/lib", request.path("name"), "text/plain");
  });
  plugin.handler("moved", [](const roost::Request&) { return roost::Response::redirect("/elsewhere", 308); });
  plugin.handler("big", [](const roost::Request&) { return roost::Response::text(std::string(3'000'000, 'x')); });
  plugin.handler("sum", [](const roost::Request& request) {
    const rapidjson::Document body = roost::json_body(request);
    int64_t sum = 0;
    for (const rapidjson::Value& number : roost::json_array(body, "numbers")) {
      if (!number.IsInt64()) throw roost::HttpError(400, "whole numbers only");
      sum += number.GetInt64();
    }
    return roost::json_response([sum](roost::JsonWriter& json) {
      json.StartObject();
      json.Key("sum");
      json.Int64(sum);
      json.EndObject();
    });
  });

  // Later, elsewhere, in pieces.
  plugin.handler("later", [](roost::Request request, roost::Responder responder) {
    in_background([request, io = thread_text(), responder = std::move(responder)]() mutable {
      responder.respond(roost::Response::text("later ", request.path(), " ", io == thread_text() ? "same" : "other"));
    });
  });
  plugin.handler("posted", [](roost::Request request, roost::Responder responder) {
    const uint32_t thread = request.thread();
    in_background([thread, io = thread_text(), responder = std::move(responder)]() mutable {
      roost::post(thread, [io, responder = std::move(responder)]() mutable {
        responder.respond(roost::Response::text(io == thread_text() ? "back" : "elsewhere"));
      });
    });
  });
  plugin.blocking_handler("blocking", [](const roost::Request& request) {
    return roost::Response::text("blocking ", request.path("name"));
  });
  plugin.blocking_handler("thread", [](const roost::Request&) { return roost::Response::text(thread_text()); });
  plugin.handler("io_thread", [](const roost::Request&) { return roost::Response::text(thread_text()); });
  plugin.streaming_handler("count", [](roost::Request, roost::Responder responder) {
    auto total = std::make_shared<size_t>(0);
    std::move(responder).read_body(
        [total](std::string_view bytes, roost::Responder&) { *total += bytes.size(); },
        [total](roost::Responder done) { done.respond(roost::Response::text("counted ", *total)); });
  });
  plugin.streaming_handler("pipe", [](roost::Request, roost::Responder responder) {
    responder.start(roost::Response().header("Content-Type", "application/x-pipe"));
    const roost::BodyFlow flow = responder.body_flow();
    responder.on_writable([flow] { flow.resume(); });
    std::move(responder).read_body(
        [flow](std::string_view bytes, roost::Responder& out) {
          if (out.write(bytes) == roost::Sent::wait) flow.pause();
        },
        [](roost::Responder out) { out.finish(); });
  });
  plugin.streaming_handler("refuse", [](roost::Request, roost::Responder responder) {
    responder.respond(roost::Response::status(403, "no uploads").closing());
  });
  plugin.streaming_handler("broken_reader", [](roost::Request, roost::Responder responder) {
    std::move(responder).read_body(
        [](std::string_view, roost::Responder&) { throw std::runtime_error("reader broke"); }, [](roost::Responder) {});
  });
  plugin.handler("stream", [](roost::Request request, roost::Responder responder) {
    responder.start(roost::Response::text("begin"));
    const auto pieces = std::make_shared<Pieces>(Pieces{std::move(responder), request.path<int>("count")});
    pieces->responder.on_writable([pieces] { Pieces::go_on(pieces); });
    Pieces::go_on(pieces);
  });
  plugin.handler("cancelled", [&plugin](roost::Request, roost::Responder responder) {
    auto kept = std::make_shared<roost::Responder>(std::move(responder));
    kept->on_cancel([kept, &plugin] {
      plugin.log_info("the client went: ", kept->cancelled());
      in_background([kept] { kept->respond(roost::Response::text("nobody reads this")); });
    });
  });

  // Failures.
  plugin.handler("throw", [](const roost::Request&) -> roost::Response { throw std::runtime_error("sync broke"); });
  plugin.handler("throw_int", [](const roost::Request&) -> roost::Response { throw 42; });
  plugin.handler("throw_later", [](roost::Request, roost::Responder) { throw std::runtime_error("async broke"); });
  plugin.handler("conflict", [](roost::Request, roost::Responder) { throw roost::HttpError(409, "in the way"); });
  plugin.blocking_handler("throw_blocking",
                          [](const roost::Request&) -> roost::Response { throw std::runtime_error("pool broke"); });
  plugin.handler("throw_started", [](roost::Request, roost::Responder responder) {
    responder.start(roost::Response::text("half"));
    throw std::runtime_error("broke half way");
  });
  plugin.handler("dropped", [](roost::Request, roost::Responder) {});
  plugin.handler("bad_header", [](const roost::Request&) { return roost::Response().header("X-A", "a\r\nX-B: b"); });
  plugin.handler("crash", [](const roost::Request&) {
    std::raise(SIGSEGV);
    return roost::Response();
  });

  // Middleware.
  plugin.middleware("gate", [](const roost::Request& request) -> std::optional<roost::Response> {
    if (request.header("x-key") == "break") throw std::runtime_error("gate broke");
    if (request.header("x-key").empty()) return roost::Response::status(401, "no key");
    return std::nullopt;
  });
  plugin.middleware("slow_gate", [](roost::Request request, roost::Deferred deferred) {
    if (request.header("x-key") == "break") throw std::runtime_error("slow gate broke");
    in_background([allowed = !request.header("x-key").empty(), deferred = std::move(deferred)]() mutable {
      if (allowed) {
        deferred.resume();
      } else {
        deferred.respond(roost::Response::status(401, "no key, after a while"));
      }
    });
  });
  plugin.middleware<Watch>(
      "watch",
      [](const roost::Request& request, Watch& watch) -> std::optional<roost::Response> {
        watch.who = request.path();
        return std::nullopt;
      },
      [](const roost::Request&, roost::ResponseHead& head, const Watch& watch) {
        head.set("X-Watch", roost::join(watch.who, " ", head.status(), " ", head.get("content-type")));
        head.add("X-Watch", "second");
        head.remove("X-Test");
      });

  // Workers.
  plugin.handler("worker", [](const roost::Request&) {
    const roost::Worker worker(roost::detail::worker);
    return roost::Response::text(worker.index(), " of ", worker.processes(), ", ", worker.threads(), " threads");
  });
  const bool refuse_start = config.boolean("refuse_start", false);
  plugin.on_start([refuse_start, &plugin](const roost::Worker& worker) {
    if (refuse_start) throw std::runtime_error("will not start");
    background.start();
    plugin.log_info("started in worker ", worker.index());
  });
  plugin.on_stop([&plugin] {
    background.stop();
    plugin.log_info("stopped");
  });
}
