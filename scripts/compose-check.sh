#!/usr/bin/env bash
# Checks docker-compose.yml with Docker Compose, which needs no running engine, and
# that the check of secrets names what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

docker compose version >/dev/null 2>&1 || fail "needs Docker Compose 2 or newer, as docker compose"

filled=$(mktemp)
trap 'rm -f "$filled"' EXIT
sed -E 's/^([A-Z_]+)=$/\1=placeholder/' deploy/.env.example >"$filled"

# Only the file's own variables may count, not what this shell happens to have set.
clean() { env -i PATH="$PATH" HOME="$HOME" DOCKER_CONFIG="${DOCKER_CONFIG:-$HOME/.docker}" "$@"; }

clean docker compose --env-file /dev/null config -q
clean docker compose --env-file "$filled" config -q
for image in $(clean docker compose --env-file "$filled" config --images); do
	[[ $image == *:* && $image != *:latest ]] || fail "$image is not pinned"
done
if clean sh deploy/secrets.sh 2>/dev/null; then
	fail "deploy/secrets.sh was content without any secret"
fi
# shellcheck disable=SC2046 # one word a variable
clean $(grep -E '^[A-Z_]+=' "$filled") sh deploy/secrets.sh
echo "docker-compose.yml is well-formed and does not start without its secrets"
