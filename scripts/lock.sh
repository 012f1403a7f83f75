#!/bin/sh
# Resolves the dependencies for every supported platform, with hashes and without any address.
set -eu
cd "$(dirname "$0")/.."
compile="uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11"
$compile --group build pyproject.toml -o requirements.lock
$compile --group build --group dev --group docs -c requirements.lock pyproject.toml -o requirements-dev.lock
