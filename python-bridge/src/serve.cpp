#include "serve.hpp"

#include <dlfcn.h>

#include <atomic>
#include <filesystem>
#include <stdexcept>

#include "bridge.hpp"
#include "host.hpp"
#include "json_decode.hpp"
#include "roost/embed.h"

namespace roost::bridge {

namespace py = pybind11;
namespace fs = std::filesystem;

namespace {

using ServeFunction = int (*)(const roost_embedding*);

ServeFunction find_server() {
  constexpr char kFunction[] = "roost_embed_serve";
  if (void* there = dlsym(RTLD_DEFAULT, kFunction)) return reinterpret_cast<ServeFunction>(there);
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&find_server), &self);
  const fs::path folder = fs::path(self.dli_fname).parent_path() / "lib";
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.path().filename().string().starts_with("libroost_core.so")) continue;
    void* library = dlopen(entry.path().c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    if (void* found = dlsym(library, kFunction)) return reinterpret_cast<ServeFunction>(found);
    throw std::runtime_error(entry.path().string() + " has no " + kFunction + ": it is of another version");
  }
  throw std::runtime_error("the core library is missing: " + folder.string() + "/libroost_core.so");
}

std::atomic<bool> asked_to_stop{false};

// Of the one call of serve() that runs. The interpreter's lock is let go around each wait of the master.
struct Serving {
  PyThreadState* waiting = nullptr;
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;  // what a signal handler raised

  void wait() { waiting = PyEval_SaveThread(); }
  // Whether a signal's handler or stop_serving() asked to stop.
  bool waited() {
    PyEval_RestoreThread(waiting);
    if (PyErr_CheckSignals() == 0) return asked_to_stop;
    if (type == nullptr)
      PyErr_Fetch(&type, &value, &traceback);
    else
      PyErr_Clear();
    return true;
  }
};

roost_value scalar(std::string_view key, std::string_view text) {
  roost_value value{};
  value.struct_size = sizeof value;
  value.kind = ROOST_VALUE_SCALAR;
  value.key = str(key);
  value.text = str(text);
  return value;
}

bool is_development(const std::string& configuration) {
  PyObject* decoded = decode_json(configuration);
  if (decoded == nullptr) throw py::error_already_set();
  const auto document = py::reinterpret_steal<py::object>(decoded);
  const py::object server = document.attr("get")("server", py::dict());
  return py::str(server.attr("get")("mode", "")).cast<std::string>() == "development";
}

}  // namespace

void stop_serving() {
  asked_to_stop = true;
}

int serve(py::object app, const std::string& configuration, const std::string& name, const std::string& directory,
          const std::vector<std::string>& command, bool alone) {
  const ServeFunction server = find_server();
  embedded_application = app.ptr();
  serving_alone = alone;
  asked_to_stop = false;

  const roost_value development = scalar("development", is_development(configuration) ? "1" : "0");
  const roost_value* const items[] = {&development};
  roost_value config{};
  config.struct_size = sizeof config;
  config.kind = ROOST_VALUE_MAP;
  config.items = items;
  config.item_count = std::size(items);

  std::vector<const char*> words;
  for (const std::string& word : command) words.push_back(word.c_str());
  words.push_back(nullptr);

  Serving serving;
  roost_embedding embedding{};
  embedding.struct_size = sizeof embedding;
  embedding.flags = alone ? ROOST_EMBED_ALONE : 0;
  embedding.configuration = str(configuration);
  embedding.name = str(name);
  embedding.directory = str(directory);
  embedding.plugin = bridge_plugin();
  embedding.plugin_config = &config;
  embedding.command = words.data();
  embedding.arg = &serving;
  embedding.before_fork = [](void*) { PyOS_BeforeFork(); };
  embedding.after_fork = [](void*, int child) { child != 0 ? PyOS_AfterFork_Child() : PyOS_AfterFork_Parent(); };
  embedding.before_wait = [](void* arg) { static_cast<Serving*>(arg)->wait(); };
  embedding.after_wait = [](void* arg) { return static_cast<Serving*>(arg)->waited() ? 1 : 0; };
  const int status = server(&embedding);
  embedded_application = nullptr;
  if (serving.type == nullptr) return status;
  if (PyErr_GivenExceptionMatches(serving.type, PyExc_KeyboardInterrupt)) {
    Py_DECREF(serving.type);
    Py_XDECREF(serving.value);
    Py_XDECREF(serving.traceback);
    return status;
  }
  PyErr_Restore(serving.type, serving.value, serving.traceback);
  throw py::error_already_set();
}

}  // namespace roost::bridge
