#!/usr/bin/env bash
# Checks docker-compose.yml with Docker Compose, which needs no running engine:
# it must be refused without its secrets and accepted with them.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

docker compose version >/dev/null 2>&1 || fail "needs Docker Compose 2 or newer, as docker compose"

filled=$(mktemp)
trap 'rm -f "$filled"' EXIT
sed -E 's/^([A-Z_]+)=$/\1=placeholder/' deploy/.env.example >"$filled"

# Only the file's own variables may count, not what this shell happens to have set.
clean() { env -i PATH="$PATH" HOME="$HOME" DOCKER_CONFIG="${DOCKER_CONFIG:-$HOME/.docker}" "$@"; }

if clean docker compose --env-file /dev/null config -q 2>/dev/null; then
	fail "docker-compose.yml was accepted without any secret"
fi
clean docker compose --env-file "$filled" config -q
for image in $(clean docker compose --env-file "$filled" config --images); do
	[[ $image == *:* && $image != *:latest ]] || fail "$image is not pinned"
done
echo "docker-compose.yml is well-formed and refuses to start without its secrets"
