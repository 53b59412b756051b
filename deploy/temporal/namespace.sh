#!/bin/sh
# Creates nerve's namespace and search attributes. Repeating it changes nothing.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE are in the environment.
set -eu

attempt=1
until temporal operator cluster health; do
	[ "$attempt" -lt 60 ] || { echo "Temporal did not become healthy" >&2; exit 1; }
	attempt=$((attempt + 1))
	sleep 2
done

# Closed workflows refuse duplicates for as long as they are kept: seven days is
# longer than the longest window that a source remembers deliveries for. A
# namespace that exists keeps the retention that somebody gave it.
temporal operator namespace describe >/dev/null 2>&1 ||
	temporal operator namespace create --retention 7d

# The frontend learns of a new namespace within seconds. Attributes that exist are left alone.
attempt=1
until temporal operator search-attribute create \
	--name NerveSource --type Keyword \
	--name NerveProvider --type Keyword \
	--name NerveSeverity --type Keyword \
	--name NerveStatus --type Keyword \
	--name NervePhase --type Keyword \
	--name NerveFingerprint --type Keyword; do
	[ "$attempt" -lt 30 ] || { echo "the search attributes could not be created" >&2; exit 1; }
	attempt=$((attempt + 1))
	sleep 2
done
