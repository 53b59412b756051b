#!/usr/bin/env bash
# Runs the tests under the race detector, on every package but those that link the
# embedded Temporal server: compiling that a second time would take longer than
# everything else together. Needs what the tests need, and a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

command -v "$(go env CC)" >/dev/null || fail "the race detector needs a C compiler ($(go env CC) was not found)"
listed=$(light_test_packages)
[[ -n $listed ]] || fail "found no package to test"
mapfile -t packages <<<"$listed"

echo "race detector on ${#packages[@]} packages:" "${packages[@]#*/nerve/}"
CGO_ENABLED=1 exec go test -race -count=1 -timeout 10m "${packages[@]}"
