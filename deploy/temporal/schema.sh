#!/bin/sh
# Creates or upgrades the tables of Temporal's two databases, which exist
# already. Repeating it changes nothing. The connection is in SQL_* variables.
set -eu

for part in temporal visibility; do
	database=temporal
	[ "$part" = temporal ] || database=temporal_visibility
	temporal-sql-tool --database "$database" setup-schema --version 0.0
	temporal-sql-tool --database "$database" update-schema --schema-name "postgresql/v12/$part"
done
