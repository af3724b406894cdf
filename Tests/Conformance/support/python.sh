# Sourced by the scripts beside it. `find_python MODULE=PACKAGE...` leaves in $python an interpreter that has them all:
# the one on the path when it does, else the project's own environment under .build/venv, made on first use.
# A clone must run without anything installed by hand, and without touching the system's Python.

find_python() {
  local root=$1 module packages=() imports="pass"
  shift
  for module in "$@"; do
    imports+="; import ${module%%=*}"
    packages+=("${module#*=}")
  done
  for python in "${SLUICE_PYTHON:-python3}" "$root/.build/venv/bin/python"; do
    "$python" -c "$imports" >/dev/null 2>&1 && return 0
  done
  echo "making .build/venv with ${packages[*]}" >&2
  [ -x "$root/.build/venv/bin/python" ] || python3 -m venv "$root/.build/venv" || return 1
  "$python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2 && return 0
  # Some packages cannot be had; what needs them is skipped aloud, the rest goes on.
  for module in "${packages[@]}"; do
    "$python" -m pip install --quiet --disable-pip-version-check "$module" >/dev/null 2>&1 ||
      echo "SKIPPED: the Python package $module cannot be had" >&2
  done
}
