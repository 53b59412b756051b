#!/usr/bin/env bash
# Installs what the tests need and runs all of them. `make test` calls it; it
# needs Go and git, not make. Arguments go to `go test`, such as -run or -v.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/test-deps.sh

# -count=1: tests drive real Redis and PostgreSQL processes, which the test cache
# cannot see change. The timeout is a package's, and wide because a slow machine
# shares two cores between the tests and three servers.
exec go test -count=1 -timeout 15m "$@" ./...
