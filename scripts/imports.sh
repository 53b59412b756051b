#!/usr/bin/env bash
# What the programs may link. depguard in .golangci.yml sees a file's own
# imports; this sees everything that a program ends up with.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

# refuse PROGRAM REASON PREFIX...: fails when PROGRAM links a package at or below a prefix.
refuse() {
	local program=$1 reason=$2 deps prefix found
	shift 2
	deps=$(go list -deps "$program")
	for prefix in "$@"; do
		found=$(awk -v p="$prefix" '$0 == p || index($0, p "/") == 1' <<<"$deps")
		[[ -z $found ]] || fail "$program links $(head -1 <<<"$found"): $reason"
	done
}

module=$(go list -m)
refuse ./cmd/ingest "the front links no workflow, activity or server code" \
	"$module/workflows" "$module/activities" "$module/internal/devserver" "$server_module"
refuse ./cmd/ingest "the front keeps no outputs, so it links no cloud's client" gocloud.dev cloud.google.com/go/storage
refuse ./cmd/ingest "the operators' door is not on the public front (ADR 18)" \
	"$module/internal/api" "$module/internal/access"
refuse ./cmd/worker "the embedded server belongs to cmd/nerve" \
	"$module/internal/devserver" "$server_module"
