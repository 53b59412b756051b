#!/bin/sh
# Makes sure that the tests can start a real Redis and a real PostgreSQL.
#
# The tests start their own servers on free ports (internal/testkit), so nothing
# here is started or left running. For each of the two, the first that holds:
#
#   1. NERVE_TEST_REDIS_URL or NERVE_TEST_POSTGRES_URL is set: that is used.
#   2. its programs are on this machine: those are used.
#   3. apt-get can install them, as root or with sudo that asks nothing.
#   4. a Docker engine runs: the tests start containers themselves.
#
# Otherwise it says what to run and exits with 1. Running it again is harmless.
set -eu

say() { printf 'test-deps: %s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

have_redis() {
	[ -n "${NERVE_TEST_REDIS_URL:-}" ] || have redis-server || have valkey-server
}

# Debian keeps PostgreSQL's programs out of PATH. testkit looks in the same places.
have_postgres() {
	[ -z "${NERVE_TEST_POSTGRES_URL:-}" ] || return 0
	if have initdb && have postgres; then
		return 0
	fi
	for dir in /usr/lib/postgresql/*/bin /usr/local/bin /usr/local/pgsql/bin; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
			return 0
		fi
	done
	return 1
}

missing() {
	have_redis || printf 'redis-server '
	have_postgres || printf 'postgresql '
}

# Installs packages so that nothing that they hold starts, now or with the
# machine. For this command alone: a policy-rc.d that says no (one that is there
# already is left as it is), RUNLEVEL=1, which init scripts heed, and a drop-in
# that keeps PostgreSQL's package from making a cluster. After it, what the
# Redis package enabled is disabled again.
install() {
	# shellcheck disable=SC2016 # the inner shell expands it
	$sudo sh -eu -c '
		policy=/usr/sbin/policy-rc.d
		cluster=/etc/postgresql-common/createcluster.d/nerve-tests.conf
		made_policy=
		undo() {
			rm -f "$cluster"
			[ -z "$made_policy" ] || rm -f "$policy"
		}
		trap undo EXIT
		trap "exit 1" HUP INT TERM
		if [ ! -e "$policy" ]; then
			made_policy=yes
			printf "#!/bin/sh\nexit 101\n" >"$policy"
			chmod 755 "$policy"
		fi
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
		get="apt-get install -q -y --no-install-recommends"
		apt-get update -q
		for package in "$@"; do
			case $package in
			postgresql)
				$get postgresql-common
				mkdir -p "${cluster%/*}"
				echo "create_main_cluster = false" >"$cluster"
				$get postgresql
				;;
			redis-server)
				$get redis-server
				if command -v systemctl >/dev/null; then
					systemctl disable redis-server >/dev/null 2>&1 || true
				fi
				;;
			esac
		done
	' test-deps "$@" >&2
}

need=$(missing)
if [ -z "$need" ]; then
	say "nothing to install"
	exit 0
fi

if have apt-get; then
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		sudo="sudo -n"
	fi
	if [ -z "$sudo" ] || { have sudo && sudo -n true 2>/dev/null; }; then
		say "installing $need"
		# shellcheck disable=SC2086 # a list of package names
		install $need || say "apt-get failed"
		need=$(missing)
		if [ -z "$need" ]; then
			say "installed"
			exit 0
		fi
	fi
fi

if have docker && docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then
	say "no $need here: the tests will run containers (postgres:17, redis:7)"
	exit 0
fi

say "the tests need: $need"
say "run:  sudo apt-get install -y --no-install-recommends $need"
say "or start a Docker engine, or set NERVE_TEST_REDIS_URL and NERVE_TEST_POSTGRES_URL"
say "(go test -short ./... needs neither)"
exit 1
