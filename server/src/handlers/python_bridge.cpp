#include "handlers/python_bridge.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "base/unique_fd.hpp"
#include "config/error.hpp"

extern char** environ;

namespace roost::handlers {

namespace fs = std::filesystem;

namespace {

// One `name=value` a line, so that nothing of Python's own chatter can be mistaken for an answer. find_spec() of a
// package that is not dotted imports nothing of it.
constexpr char kQuestions[] = R"(
import importlib.util, os, sys, sysconfig
def say(name, value): print("roost:" + name + "=" + str(value or ""))
say("version", "%d.%d.%d" % sys.version_info[:3])
say("executable", sys.executable)
say("prefix", sys.prefix)
say("libdir", sysconfig.get_config_var("LIBDIR"))
say("multiarch", sysconfig.get_config_var("MULTIARCH"))
say("soname", sysconfig.get_config_var("INSTSONAME"))
say("shared", sysconfig.get_config_var("Py_ENABLE_SHARED"))
suffix = sysconfig.get_config_var("EXT_SUFFIX")
say("suffix", suffix)
spec = importlib.util.find_spec("roost")
folders = list(spec.submodule_search_locations or ()) if spec else []
say("package", folders[0] if folders else "")
for folder in folders:
    if os.path.exists(os.path.join(folder, "_native" + suffix)):
        say("bridge", os.path.join(folder, "_native" + suffix)); break
else:
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            if name.startswith("_native.") and name.endswith(".so"): say("other", name)
)";

struct Problem {
  const config::Place& place;
  std::string key;
  [[noreturn]] void operator()(const std::string& what) const { throw config::ConfigError(place, key, what); }
};

Problem problem_at(const config::Configuration& configuration) {
  if (!configuration.python.venv.empty()) return {configuration.python.place, "python.venv"};
  if (configuration.python.place.line != 0) return {configuration.python.place, "python"};
  for (size_t i = 0; i < configuration.routes.size(); ++i) {
    const config::Route& route = configuration.routes[i];
    if (route.kind == config::RouteKind::scheme)
      return {route.place, "routes[" + std::to_string(i) + "]." + route.scheme};
  }
  for (size_t i = 0; i < configuration.middleware.size(); ++i) {
    const config::Middleware& middleware = configuration.middleware[i];
    if (middleware.kind == config::MiddlewareKind::scheme)
      return {middleware.place, "middleware[" + std::to_string(i) + "]." + middleware.scheme};
  }
  return {configuration.python.place, "python"};
}

fs::path on_path(const char* program) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    const fs::path found = fs::path(folder.empty() ? "." : folder) / program;
    if (access(found.c_str(), X_OK) == 0) return fs::absolute(found);
    if (colon == std::string_view::npos) return {};
    rest.remove_prefix(colon + 1);
  }
}

std::string installing(const fs::path& executable) {
  return executable.string() + " -m pip install <roost>/python-bridge";
}

// The interpreter, not resolved further: a virtual environment is known by the place of its symbolic link.
fs::path interpreter(const config::Configuration& configuration, const Problem& problem) {
  const auto inside = [&](const fs::path& venv, const std::string& whose) {
    const fs::path executable = venv / "bin" / "python";
    if (!fs::is_directory(venv))
      problem("there is no virtual environment " + venv.string() + whose + "; make one: python3 -m venv " +
              venv.string());
    if (access(executable.c_str(), X_OK) != 0)
      problem(venv.string() + whose + " is no virtual environment: it has no bin/python");
    return executable;
  };
  if (!configuration.python.venv.empty()) return inside(configuration.python.venv, "");
  if (const char* active = std::getenv("VIRTUAL_ENV"); active != nullptr && *active != '\0')
    return inside(active, " ($VIRTUAL_ENV)");
  const fs::path beside = configuration.directory / ".venv";
  if (access((beside / "bin" / "python").c_str(), X_OK) == 0) return beside / "bin" / "python";
  const fs::path found = on_path("python3");
  if (found.empty()) problem("there is no python3 on PATH, no .venv beside the file, and no `python: { venv: ... }`");
  return found;
}

using Answers = std::map<std::string, std::string>;

// Exits of the child other than 0 are problems with what it said.
Answers ask(const fs::path& executable, const Problem& problem) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) problem(std::string("cannot make a pipe: ") + std::strerror(errno));
  base::UniqueFd reading(pipe_fds[0]);
  base::UniqueFd writing(pipe_fds[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), STDERR_FILENO);
  const char* const arguments[] = {executable.c_str(), "-I", "-c", kQuestions, nullptr};
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, executable.c_str(), &actions, nullptr, const_cast<char**>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) problem("cannot run " + executable.string() + ": " + std::strerror(failed));
  writing.reset();

  std::string said;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(reading.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    said.append(buffer, static_cast<size_t>(count));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    problem(executable.string() + " does not run as Python 3: " + said.substr(0, 2000));

  Answers answers;
  for (size_t begin = 0; begin < said.size();) {
    const size_t end = std::min(said.find('\n', begin), said.size());
    const std::string_view line(said.data() + begin, end - begin);
    const size_t equals = line.find('=');
    if (line.starts_with("roost:") && equals != std::string_view::npos)
      answers.emplace(line.substr(6, equals - 6), line.substr(equals + 1));
    begin = end + 1;
  }
  return answers;
}

// The version in pyvenv.cfg, empty when there is none: a virtual environment that was made by a Python that has been
// replaced by another minor version since finds none of its packages.
std::string version_in_venv(const fs::path& prefix) {
  std::string version;
  FILE* file = std::fopen((prefix / "pyvenv.cfg").c_str(), "re");
  if (file == nullptr) return version;
  char line[1024];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const std::string_view text(line);
    if (!text.starts_with("version")) continue;
    const size_t begin = text.find_first_of("0123456789");
    if (begin == std::string_view::npos) continue;
    version = text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
  }
  std::fclose(file);
  return version;
}

std::string minor_of(const std::string& version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

void open_libpython(Answers& answers, const fs::path& executable, const Problem& problem) {
  const std::string who = executable.string() + " (Python " + answers["version"] + ")";
  if (void* loaded = dlsym(RTLD_DEFAULT, "Py_GetVersion"); loaded != nullptr) {
    std::string version = reinterpret_cast<const char* (*)()>(loaded)();
    version = version.substr(0, version.find(' '));
    if (version == answers["version"]) return;
    problem(who + " cannot be served by this process, which runs Python " + version);
  }
  const std::string minor = minor_of(answers["version"]);
  if (!answers["soname"].ends_with(".so") && answers["soname"].find(".so.") == std::string::npos) {
    problem(who + " has no shared libpython, which the server needs: take a Python built with --enable-shared" +
            " (pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install " + answers["version"] + ")");
  }
  std::vector<fs::path> candidates{fs::path(answers["libdir"]) / answers["soname"],
                                   fs::path(answers["libdir"]) / answers["multiarch"] / answers["soname"]};
  std::string said;
  for (const fs::path& candidate : candidates) {
    if (!fs::exists(candidate)) continue;
    if (dlopen(candidate.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
    said = dlerror();
  }
  if (!said.empty()) problem("cannot open the libpython of " + who + ": " + said);
  problem(who + " has no " + candidates.front().string() + "; install it (Debian: apt-get install libpython" + minor +
          ")");
}

// Owns the tree of LocatedBridge::config.
struct Values {
  std::deque<roost_value> values;
  std::deque<std::string> texts;
  std::deque<std::vector<const roost_value*>> items;

  roost_str keep(std::string text) {
    const std::string& kept = texts.emplace_back(std::move(text));
    return {kept.data(), kept.size()};
  }
  roost_value& add(std::string key, roost_value_kind kind) {
    roost_value& value = values.emplace_back();
    value.struct_size = sizeof value;
    value.kind = kind;
    value.key = keep(std::move(key));
    return value;
  }
  const roost_value* scalar(std::string key, std::string text) {
    roost_value& value = add(std::move(key), ROOST_VALUE_SCALAR);
    value.text = keep(std::move(text));
    return &value;
  }
  const roost_value* holding(std::string key, roost_value_kind kind, std::vector<const roost_value*> held) {
    roost_value& value = add(std::move(key), kind);
    const auto& kept = items.emplace_back(std::move(held));
    value.items = kept.data();
    value.item_count = kept.size();
    return &value;
  }
};

}  // namespace

LocatedBridge locate_python_bridge(const config::Configuration& configuration) {
  const Problem problem = problem_at(configuration);
  if (const char* home = std::getenv("PYTHONHOME"); home != nullptr && *home != '\0') {
    problem("PYTHONHOME is set (" + std::string(home) + "), which leads Python away from its own modules: unset it");
  }
  const fs::path asked = interpreter(configuration, problem);
  Answers answers = ask(asked, problem);
  // What is on PATH may be a script that finds the interpreter (pyenv's).
  const fs::path executable = answers["executable"].empty() ? asked : fs::path(answers["executable"]);
  const std::string& version = answers["version"];
  const std::string who = executable.string() + " (Python " + version + ")";

  int major = 0, minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2 || major != 3 || minor < 11)
    problem(who + " is too old: Roost needs Python 3.11 or newer");
  const std::string made_for = version_in_venv(answers["prefix"]);
  if (!made_for.empty() && minor_of(made_for) != minor_of(version)) {
    problem("the virtual environment " + answers["prefix"] + " was made for Python " + made_for +
            ", its bin/python is " + version + " now: make it anew");
  }
  if (answers["package"].empty())
    problem("the package roost is not installed for " + who + "; install it: " + installing(executable));
  if (answers["bridge"].empty()) {
    problem("the package roost in " + answers["package"] + " was built for another Python" +
            (answers["other"].empty() ? "" : " (" + answers["other"] + ")") + ", " + who + " needs _native" +
            answers["suffix"] + "; install it again: " + installing(executable));
  }
  open_libpython(answers, executable, problem);

  LocatedBridge located;
  located.library = answers["bridge"];
  located.python = "Python " + version + " (" + answers["prefix"] + ")";
  auto values = std::make_shared<Values>();
  std::vector<const roost_value*> path;
  for (const fs::path& entry : configuration.python.path) path.push_back(values->scalar("", entry.string()));
  if (!configuration.file.empty()) path.push_back(values->scalar("", configuration.directory.string()));
  located.config = values->holding(
      "", ROOST_VALUE_MAP,
      {values->scalar("executable", executable.string()), values->holding("path", ROOST_VALUE_LIST, std::move(path)),
       values->scalar("threads", std::to_string(configuration.python.threads)),
       values->scalar("development", configuration.server.development ? "1" : "0")});
  located.values = std::move(values);
  return located;
}

}  // namespace roost::handlers
