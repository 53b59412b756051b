#!/usr/bin/env bash
# Checks that what Markdown files link to within the repository is there: the
# files, and the headings behind a "#". Addresses of other sites are left alone.
# Arguments: the files to check; all tracked ones by default.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

(($# > 0)) || mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.md')
(($# == 0)) || files=("$@")

# anchors FILE: its headings as GitHub names them.
anchors() {
	awk '/^```/ { code = !code } !code && /^#+ /' "$1" |
		sed -E 's/^#+ +//' | tr '[:upper:]' '[:lower:]' | sed -E 's/[^[:alnum:] _-]//g; s/ /-/g'
}

# targets FILE: what its links and images outside of code lead to, one a line.
# shellcheck disable=SC2016 # the backticks are Markdown's
targets() {
	awk '/^ *```/ { code = !code } !code' "$1" | sed -E 's/`[^`]*`//g' |
		{ grep -oE '\]\([^) ]+' || true; } | cut -c3-
}

broken=0
for file in "${files[@]}"; do
	while read -r target; do
		case $target in http://* | https://* | mailto:*) continue ;; esac
		path=${target%%#*}
		if [[ -z $path ]]; then
			path=$file
		elif [[ $path == /* ]]; then
			path=.$path
		else
			path=$(dirname "$file")/$path
		fi
		if [[ ! -e $path ]]; then
			echo "$file: $target is not there" >&2
			broken=1
		elif [[ $target == *#* && $path == *.md ]] && ! grep -qxF -- "${target#*#}" <(anchors "$path"); then
			echo "$file: $target names no heading" >&2
			broken=1
		fi
	done < <(targets "$file")
done
((broken == 0)) || fail "links are broken"
