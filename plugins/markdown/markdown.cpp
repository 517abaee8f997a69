// Markdown as a request's body, safe HTML as the answer: { path: /render, methods: [POST], plugin: markdown.render }
#include <memory>
#include <roost/plugin.hpp>

#include "safe_html.hpp"

namespace {

// About a millisecond's work; longer documents would keep the I/O thread's other connections waiting.
constexpr uint64_t kOnTheSpot = 64 * 1024;

}  // namespace

ROOST_PLUGIN(markdown, "1.0.0") {
  markdown::prepare();
  plugin.handler("render", [](roost::Request request, roost::Responder responder) {
    if (request.body_size() <= kOnTheSpot && request.body_file() < 0) {
      responder.respond(roost::Response::html(markdown::safe_html(request.body())));
      return;
    }
    auto kept = std::make_shared<roost::Responder>(std::move(responder));
    const bool queued = roost::submit([request, kept] {
      try {
        kept->respond(roost::Response::html(markdown::safe_html(request.read_body())));
      } catch (const std::exception& thrown) {
        kept->fail(thrown.what());
      }
    });
    if (!queued) kept->respond(roost::Response::status(503, "busy"));
  });
}
