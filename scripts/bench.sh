#!/usr/bin/env bash
# The benchmarks: each package's own, then the end-to-end ones in testsuite,
# which start the whole system and run once because they take their own samples.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

listed=$(light_test_packages)
[[ -n $listed ]] || fail "found no package to measure"
mapfile -t packages <<<"$listed"

go test -run '^$' -bench . -benchmem -timeout 20m "${packages[@]}"
go test -run '^$' -bench . -benchtime 1x -timeout 20m ./testsuite
