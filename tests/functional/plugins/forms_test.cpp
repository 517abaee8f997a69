// What test_forms.py asks of forms in native handlers: what they hold, one line each, parts between U+001F.
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <roost/plugin.hpp>

namespace {

std::string line(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(text.empty() ? "" : "\x1f").append(part);
  return text + "\n";
}

// Reads the content in small pieces and through its path, which must agree.
std::string describe(const roost::FormFile& file) {
  uint64_t sum = 0, size = 0;
  char buffer[4000];
  while (const size_t got = file.read(buffer, sizeof buffer, size)) {
    for (size_t i = 0; i < got; ++i) sum += static_cast<unsigned char>(buffer[i]);
    size += got;
  }
  std::ifstream named(file.path(), std::ios::binary);
  uint64_t named_sum = 0;
  for (std::istreambuf_iterator<char> at(named), end; at != end; ++at) named_sum += static_cast<unsigned char>(*at);
  if (size != file.size() || sum != named_sum) throw std::runtime_error("the same file has two contents");
  return line({"file", file.name(), file.filename(), file.content_type(), std::to_string(size), std::to_string(sum),
               file.content() ? "memory" : "disk"});
}

}  // namespace

ROOST_PLUGIN(forms_test) {
  plugin.handler("describe", [](const roost::Request& request) {
    const roost::Form form = request.form();
    std::string text;
    for (const roost::Field field : form.fields()) text += line({"field", field.name, field.value});
    for (const roost::FormFile& file : form.files()) text += describe(file);
    return roost::Response::text(text);
  });
  plugin.handler("lookup", [](const roost::Request& request) {
    const roost::Form form = request.form();
    std::string text = line({"first", form.field("a", "none")});
    for (const std::string_view value : form.all("a")) text += line({"all", value});
    const auto first = form.file("f");
    text += line({"file", first ? first->filename() : "none"});
    for (const roost::FormFile& file : form.files("f")) text += line({"files", file.filename(), file.read()});
    return roost::Response::text(text);
  });
  // What was uploaded moves to where it is to stay.
  plugin.handler("keep", [](const roost::Request& request) {
    const roost::FormFile file = request.form().files().at(0);
    const std::string path = file.path();
    struct stat status {};
    const bool same = stat(path.c_str(), &status) == 0 && file.path() == path;
    if (request.query_param("to")) {
      if (std::rename(path.c_str(), request.query_param("to")->c_str()) != 0) throw std::runtime_error("rename");
    }
    return roost::Response::text(line({path, std::to_string(status.st_mode & 0777), same ? "same" : "other"}));
  });
  // Takes the form apart as it comes: a line for each part.
  plugin.streaming_handler("parse", [](roost::Request request, roost::Responder responder) {
    struct Seen {
      std::string text;
      uint64_t size = 0, sum = 0;
    };
    const auto seen = std::make_shared<Seen>();
    const auto form = std::make_shared<roost::FormParser>(
        request,
        [seen](const roost::FormPart& part) {
          if (part.name == "refuse") throw roost::HttpError(422, "not that");
          seen->text += line({part.is_file ? "file" : "field", part.name, part.filename, part.content_type});
          seen->size = seen->sum = 0;
        },
        [seen](std::string_view bytes) {
          seen->size += bytes.size();
          for (const char c : bytes) seen->sum += static_cast<unsigned char>(c);
        },
        [seen] {
          seen->text += line({"end", std::to_string(seen->size), std::to_string(seen->sum)});
        });
    std::move(responder).read_body([form](std::string_view bytes, roost::Responder&) { form->feed(bytes); },
                                   [form, seen](roost::Responder done) {
                                     form->finish();
                                     done.respond(roost::Response::text(seen->text));
                                   });
  });
  plugin.streaming_handler("streams", [](roost::Request request, roost::Responder responder) {
    try {
      request.form();
      responder.respond(roost::Response::text("a form"));
    } catch (const std::logic_error& error) {
      responder.respond(roost::Response::text(error.what()));
    }
  });
}
