#!/usr/bin/env bash
# Fuzzes every fuzz target of the module for FUZZTIME (default 20s) each. An
# input that fails is kept under the package's testdata/fuzz: commit it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

time=${FUZZTIME:-20s}
count=0
# Only packages whose files declare a target are asked, because the question builds the test binary.
for dir in $(git grep --untracked -lE '^func Fuzz[A-Z_]' -- '*_test.go' | xargs -r -n1 dirname | sort -u); do
	targets=$(go test -list '^Fuzz' "./$dir")
	for target in $(grep '^Fuzz' <<<"$targets"); do
		echo "fuzz $dir $target for $time"
		go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time"
		count=$((count + 1))
	done
done
((count > 0)) || fail "found no fuzz target"
echo "fuzzed $count targets"
