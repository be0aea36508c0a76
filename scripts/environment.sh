# shellcheck shell=bash
# Sourced by scripts/demo, scripts/test and scripts/bench with the arguments of tox: brings the programs that those
# parts start, makes the environment from uv.lock, and leaves a PATH of just these two folders. Safe to run twice at once
# and from any folder. Sets `repository`. Starts nothing but Python and uv.

repository=$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd -P)
# Names of folders may hold any character; a Python that is started with -I heeds the locale, not PYTHONUTF8.
export LC_ALL=C.UTF-8

# A name on PATH may be a shim for a version that is not installed, so each one is asked.
supported_python() {
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    "$name" -I -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14)); ' 2>/dev/null &&
      "$name" -I -c 'import sys; print(sys.executable)' && return
  done
  echo "${0##*/}: no Python 3.11, 3.12 or 3.13 on PATH; please install one" >&2
  return 1
}

python=$(supported_python)
tools=$("$python" -E -s -X utf8 "$repository/scripts/get_tools.py" "$@")

# The environment is .venv of the working copy; of one that cannot be written, a folder in the cache instead.
if [[ -w $repository ]]; then
  environment=$repository/.venv
else
  environment=${tools%/*/*}/environment${repository//\//-}
fi
export UV_PROJECT_ENVIRONMENT=$environment UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=true
export UV_CACHE_DIR=${UV_CACHE_DIR:-${tools%/*/*}/uv}
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
"$tools/uv" --project "$repository" sync --frozen --quiet --python "$python"
export PATH="$environment/bin:$tools" IMAGE_BUILDER_TOOLS=$tools
