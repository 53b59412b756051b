#!/bin/sh
# Runs once, when the database volume is empty: a role and its own databases for
# nerve and for Temporal, neither of which can connect to the other's.
set -eu

psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
	-v nerve_password="$NERVE_DB_PASSWORD" -v temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE nerve LOGIN PASSWORD :'nerve_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';

CREATE DATABASE nerve OWNER nerve;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;

REVOKE CONNECT ON DATABASE nerve, temporal, temporal_visibility FROM PUBLIC;
SQL
