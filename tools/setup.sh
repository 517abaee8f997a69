# shellcheck shell=bash
# What tools/run, tools/test, tools/check and tools/fuzz share: each step says what it does, does it only when its inputs
# changed (a stamp in .cache/stamps holds their hash), and leaves a finished state behind. Sourced, never run.

set -euo pipefail
# --help tells what the comment below a script's first line does, before anything is installed or built.
case " $* " in *" -h "* | *" --help "*) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
STAMPS=$ROOT/.cache/stamps
VENV=$ROOT/.venv
mkdir -p "$STAMPS"
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# quietly LOG COMMAND...: runs it with its output in .cache/LOG.log, whose end is shown when it fails.
quietly() {
  local log=$ROOT/.cache/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fail "'$*' failed; all of its output is in ${log#"$ROOT"/}"
  fi
}

# hash_of PATH...: one hash over the names and contents of these files and folders.
hash_of() {
  (cd "$ROOT" && find "$@" -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*' -not -path '*/build/*' -print0 2>/dev/null |
    LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -c1-64)
}

# stale NAME HASH: whether the step must run; stamp NAME HASH: it has run.
stale() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" != "$2" ]; }
stamp() { printf '%s\n' "$2" >"$STAMPS/$1"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root or sudo; as root, run: $*"
  fi
}

# install_packages LIST...: the Debian packages named in tools/LIST.txt that are not installed yet.
install_packages() {
  local wanted missing=() package
  wanted=$(for list in "$@"; do grep -hv '^ *\(#\|$\)' "$ROOT/tools/$list.txt"; done)
  # Debian's own Python is taken only where no other comes first on PATH.
  case "$(command -v python3 || true)" in
    "" | /usr/bin/python3 | /bin/python3) wanted+=$'\npython3\npython3-dev\npython3-venv' ;;
  esac
  for package in $wanted; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing with apt-get: ${missing[*]}"
  quietly apt as_root apt-get update
  quietly apt as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# find_python: sets PYTHON to the python3 found first on PATH (never that of an active .venv of ours), once it has all
# that the bridge needs: 3.11 or newer, headers, and a shared libpython.
find_python() {
  local path
  path=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF "$VENV/bin" | paste -sd:)
  PYTHON=$(PATH=$path command -v python3) || fail "no python3 on PATH; install one: apt-get install python3 python3-dev python3-venv"
  PYTHON=$("$PYTHON" -c 'import sys; print(sys.executable)')
  "$PYTHON" - <<'PY' || exit 1
import importlib.util, os, sys, sysconfig
def fail(what, fix):
    sys.exit(f"error: {sys.executable} (Python {sys.version.split()[0]}): {what}\n       {fix}")
minor = "%d.%d" % sys.version_info[:2]
debian = sys.executable.startswith("/usr/bin")
build = f"build it again with a shared library: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install {sys.version.split()[0]}"
if sys.version_info < (3, 11):
    fail("Roost needs Python 3.11 or newer", "put a newer python3 first on PATH")
header = os.path.join(sysconfig.get_config_var("INCLUDEPY") or "", "Python.h")
if not os.path.exists(header):
    fail(f"its headers are missing ({header})", f"install them: apt-get install python{minor}-dev" if debian else build)
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
if not sysconfig.get_config_var("Py_ENABLE_SHARED") or not os.path.exists(library):
    fail(f"its shared library is missing ({library})", f"install it: apt-get install libpython{minor}" if debian else build)
for module in ("venv", "ensurepip"):
    if importlib.util.find_spec(module) is None:
        fail(f"its module {module} is missing", f"install it: apt-get install python{minor}-venv")
PY
}

# configure FOLDER [CMAKE ARGUMENT]...: does so unless it was done with these arguments.
configure() {
  local folder=$1 hash
  shift
  hash=$(printf '%s\n' "$ROOT" "$@" | sha256sum)
  if [ ! -e "$ROOT/$folder/build.ninja" ] || stale "configure-$folder" "$hash"; then
    say "Configuring $folder ($*)"
    quietly "configure-$folder" cmake -S "$ROOT" -B "$ROOT/$folder" -G Ninja "$@"
    stamp "configure-$folder" "$hash"
  fi
}

# build FOLDER [CMAKE ARGUMENT]...: configures FOLDER where that is needed, and builds all of it.
build() {
  local folder=$1
  configure "$@"
  say "Building $folder"
  ninja -C "$ROOT/$folder" || fail "the build of $folder failed"
}

# build_release: build/, which tools/run, tools/test and the benchmarks share; the tests are part of it once tools/test has
# installed what they are built with.
build_release() {
  local tests=ON
  dpkg-query -W -f '${db:Status-Status}' catch2 2>/dev/null | grep -qx installed || tests=OFF
  build build -DCMAKE_BUILD_TYPE=Release -DROOST_TESTS=$tests -DROOST_FUZZ=$tests
}

# make_venv [REQUIREMENTS]...: .venv for python3, with the package roost and these requirement files in it.
make_venv() {
  local hash requirements
  [ "$VENV" != "$ROOT/.venv" ] || find_python
  hash=$("$PYTHON" -c 'import sys; print(sys.executable, sys.version)')
  if [ ! -x "$VENV/bin/python" ] || stale venv "$hash"; then
    say "Making ${VENV#"$ROOT"/} with $("$PYTHON" --version) ($PYTHON)"
    rm -rf "$VENV" "$STAMPS/requirements-"* "$STAMPS/roost-package"
    quietly venv "$PYTHON" -m venv "$VENV"
    stamp venv "$hash"
  fi
  for requirements in "$@"; do
    hash=$(hash_of "$requirements")
    if stale "requirements-${requirements//\//-}" "$hash"; then
      say "Installing the Python packages of $requirements"
      quietly pip "$VENV/bin/python" -m pip install --disable-pip-version-check -q -r "$ROOT/$requirements"
      stamp "requirements-${requirements//\//-}" "$hash"
    fi
  done
  [ -e "$ROOT/python-bridge/pyproject.toml" ] || return 0
  hash=$(hash_of python-bridge server CMakeLists.txt)
  if stale roost-package "$hash"; then
    say "Installing the Python package roost into ${VENV#"$ROOT"/}"
    # Its build requirements stay in .venv: a build in isolation would compile everything anew each time.
    quietly roost-build-requirements "$VENV/bin/python" -m pip install --disable-pip-version-check -q -r "$ROOT/python-bridge/build-requirements.txt"
    quietly roost-package "$VENV/bin/python" -m pip install --disable-pip-version-check --force-reinstall --no-deps --no-build-isolation "$ROOT/python-bridge"
    stamp roost-package "$hash"
  fi
}

# other_pythons: the path of one interpreter for each minor version from 3.11 on that is not PYTHON's, of those on PATH and
# those of pyenv: the newest that has headers, a shared libpython and ensurepip.
other_pythons() {
  local candidate candidates=()
  mapfile -t candidates < <(
    IFS=:
    for candidate in $PATH; do compgen -G "$candidate/python3.[0-9][0-9]" || true; done
    ! command -v pyenv >/dev/null || compgen -G "$(pyenv root)/versions/*/bin/python3" || true
  )
  for candidate in "${candidates[@]}"; do
    "$candidate" - "$("$PYTHON" -c 'import sys; print(sys.version_info[1])')" <<'PY' 2>/dev/null || true
import importlib.util, os, sys, sysconfig
var = sysconfig.get_config_var
library = os.path.join(var("LIBDIR") or "", var("INSTSONAME") or "")
header = os.path.join(var("INCLUDEPY") or "", "Python.h")
if sys.version_info >= (3, 11) and sys.version_info[1] != int(sys.argv[1]) and sys.implementation.name == "cpython":
    if var("Py_ENABLE_SHARED") and not var("Py_GIL_DISABLED") and os.path.exists(library) and os.path.exists(header):
        if importlib.util.find_spec("ensurepip"):
            print("3.%d" % sys.version_info[1], "%02d" % sys.version_info[2], sys.executable)
PY
  done | sort -V | awk '{ found[$1] = $3 } END { for (minor in found) print found[minor] }' | sort -V
}

# make_venv_of PYTHON [REQUIREMENTS]...: as make_venv, for another Python, in OTHER_VENV, below .cache.
make_venv_of() {
  local PYTHON=$1 minor
  shift
  minor=$("$PYTHON" -c 'import sys; print("3.%d" % sys.version_info[1])')
  OTHER_VENV=$ROOT/.cache/venv-$minor
  local VENV=$OTHER_VENV STAMPS=$STAMPS/$minor
  mkdir -p "$STAMPS"
  make_venv "$@"
}

# make_robyn_venv: .cache/robyn-venv with Robyn, for the tests that hold python-bridge/compat against it.
make_robyn_venv() {
  local hash venv=$ROOT/.cache/robyn-venv
  find_python
  hash=$("$PYTHON" -c 'import sys; print(sys.executable, sys.version)')$(hash_of tests/requirements-robyn.txt)
  if [ ! -x "$venv/bin/python" ] || stale robyn-venv "$hash"; then
    say "Making .cache/robyn-venv with Robyn"
    rm -rf "$venv"
    quietly robyn-venv "$PYTHON" -m venv "$venv"
    quietly robyn-pip "$venv/bin/python" -m pip install --disable-pip-version-check -q -r "$ROOT/tests/requirements-robyn.txt"
    stamp robyn-venv "$hash"
  fi
}
