#!/bin/sh
# Starts the front. Caddy wants the console's password as a bcrypt hash, which is
# made here, so that the password is written down in one place.
set -eu

: "${NERVE_CODEC_TOKEN:?}"
CONSOLE_PASSWORD_HASH=$(printf '%s\n' "$NERVE_CODEC_TOKEN" | caddy hash-password)
export CONSOLE_PASSWORD_HASH
exec caddy run --config /etc/caddy/Caddyfile --adapter caddyfile
