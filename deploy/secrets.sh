#!/bin/sh
# Names every secret that docker-compose.yml needs and that is not set.
set -eu
missing=0
need() {
	eval "value=\${$1:-}"
	[ -n "$value" ] && return
	echo "$1 is not set: $2. See deploy/README.md." >&2
	missing=1
}
need NERVE_KEYSET "the keys that encrypt what rests; nerve keys new makes them"
need SLACK_BOT_TOKEN "the Slack app's bot token (xoxb-)"
need NERVE_CODEC_TOKEN "the password for Temporal UI and its payloads"
need POSTGRES_PASSWORD "a password for PostgreSQL's superuser"
need NERVE_DB_PASSWORD "a password for the nerve database"
need TEMPORAL_DB_PASSWORD "a password for Temporal's databases"
exit $missing
