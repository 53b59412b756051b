# Shared by the scripts here. Source it; it has no effect of its own.

# server_module is the embedded Temporal server. What links it takes minutes to
# compile, and again for each set of compiler flags.
server_module=go.temporal.io/server

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# light_test_packages lists the packages with tests whose test binary does not
# link the embedded server. testsuite is left out too: it drives built programs
# from outside, so there is nothing in it to instrument.
light_test_packages() {
	go list -test -f '{{if eq .Name "main"}}{{.ImportPath}} {{join .Deps " "}}{{end}}' ./... |
		awk -v server="$server_module" '
			$1 !~ /\.test$/ { next }
			index($0, " " server "/") { next }
			$1 ~ /\/testsuite\.test$/ { next }
			{ sub(/\.test$/, "", $1); print $1 }'
}
