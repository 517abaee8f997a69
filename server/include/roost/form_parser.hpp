// A form that is taken apart while it arrives, for streaming handlers: nothing of it is kept anywhere. Part of
// <roost/plugin.hpp>.
#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "request.hpp"

namespace roost ROOST_SDK {

// A field or file that begins. Views for the call.
struct FormPart {
  std::string_view name;
  bool is_file;
  std::string_view filename;      // as the client says: never a path to write to
  std::string_view content_type;  // as the client says; empty when it does not
};

// Part is void(const FormPart&), Data void(std::string_view) any number of times for each part, End void() after it.
// What they throw comes out of feed().
//   auto form = std::make_shared<roost::FormParser>(request, part, data, end);
//   std::move(responder).read_body([form](std::string_view bytes, roost::Responder&) { form->feed(bytes); },
//                                  [form](roost::Responder done) { form->finish(); done.respond(...); });
class FormParser {
 public:
  template <class Part, class Data, class End>
  FormParser(const Request& request, Part part, Data data, End end)
      : told_(std::make_unique<Told<Part, Data, End>>(std::move(part), std::move(data), std::move(end))) {
    if (!ROOST_HAS(detail::host, form_parser_free)) throw std::logic_error("this server reads no streamed forms");
    static const roost_form_callbacks callbacks{
        sizeof(roost_form_callbacks),
        [](void* arg, const roost_form_part* given) {
          call<Part, Data, End>(arg, [given](auto& told) {
            told.part(
                FormPart{view(given->name), given->is_file != 0, view(given->filename), view(given->content_type)});
          });
        },
        [](void* arg, roost_str bytes) { call<Part, Data, End>(arg, [bytes](auto& told) { told.data(view(bytes)); }); },
        [](void* arg) { call<Part, Data, End>(arg, [](auto& told) { told.end(); }); }};
    parser_ = detail::host->form_parser_new(&request.raw(), &callbacks, told_.get());
  }
  ~FormParser() { detail::host->form_parser_free(parser_); }
  FormParser(const FormParser&) = delete;
  FormParser& operator=(const FormParser&) = delete;

  // The next piece of the body. Throws HttpError 400, 413 or 415, as Request::form().
  void feed(std::string_view bytes) {
    roost_str why{};
    check(detail::host->form_parser_feed(parser_, str(bytes), &why), why);
  }
  // The body is complete.
  void finish() {
    roost_str why{};
    check(detail::host->form_parser_finish(parser_, &why), why);
  }

 private:
  struct Callbacks {
    virtual ~Callbacks() = default;
    std::exception_ptr thrown;
  };
  template <class Part, class Data, class End>
  struct Told : Callbacks {
    Told(Part on_part, Data on_data, End on_end)
        : part(std::move(on_part)), data(std::move(on_data)), end(std::move(on_end)) {}
    Part part;
    Data data;
    End end;
  };

  // No exception may cross the server; after one nothing more is told.
  template <class Part, class Data, class End, class F>
  static void call(void* arg, F f) noexcept {
    auto& told = *static_cast<Told<Part, Data, End>*>(static_cast<Callbacks*>(arg));
    if (told.thrown) return;
    try {
      f(told);
    } catch (...) {
      told.thrown = std::current_exception();
    }
  }
  void check(uint32_t status, roost_str why) {
    if (told_->thrown) std::rethrow_exception(told_->thrown);
    if (status != 0) throw HttpError(static_cast<uint16_t>(status), std::string(view(why)));
  }

  std::unique_ptr<Callbacks> told_;
  roost_form_parser* parser_ = nullptr;
};

}  // namespace ROOST_SDK
