#!/bin/sh
# Makes .venv from the hash-locked requirements; does nothing, and needs no network, when they have not changed.
# Usage: scripts/setup.sh LOCK   (requirements.lock to run, requirements-dev.lock to test)
set -eu
cd "$(dirname "$0")/.."
lock="$1"
stamp=".venv/.$(basename "$lock").sha256"
wanted="$(sha256sum "$lock" pyproject.toml scripts/setup.sh | sha256sum | cut -d' ' -f1)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x .venv/bin/lakefolio ]; then exit 0; fi

find_python() {
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

if [ ! -x .venv/bin/python ]; then
    if python="$(find_python)"; then :
    elif command -v uv >/dev/null 2>&1; then python=3.11
    else
        echo "lakefolio needs Python 3.11, 3.12 or 3.13 (set PYTHON to name one), or uv" >&2
        exit 1
    fi
    echo "making .venv with $python" >&2
    if command -v uv >/dev/null 2>&1; then uv venv --quiet --python "$python" .venv; else "$python" -m venv .venv; fi
fi
echo "installing $lock" >&2
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r "$lock"
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --offline -e .
else
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
fi
# Compiled and parsed once here, not by every first run.
.venv/bin/python -m compileall -q analytics benchmarks ingest lakefolio lakehouse reports
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
.venv/bin/lakefolio --home "$scratch" dbt parse --no-write-json >/dev/null
echo "$wanted" > "$stamp"
