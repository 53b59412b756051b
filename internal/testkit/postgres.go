package testkit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	postgresEnv   = "NERVE_TEST_POSTGRES_URL"
	postgresImage = "postgres:17"
	postgresUser  = "nerve"
	dropTimeout   = 30 * time.Second
)

// Where Debian and Ubuntu keep programs that are not in PATH.
var postgresFolders = []string{"/usr/lib/postgresql/*/bin", "/usr/local/bin", "/usr/local/pgsql/bin"}

// Faster than a disk: what these lose in a crash is test data.
var postgresSettings = []string{
	"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
	"-c", "max_connections=200",
}

// Postgres returns the URL of a new, empty database on a real PostgreSQL, with
// the user that owns it. The database is dropped when the test ends, whoever is
// still connected. The server is started once per test process and ends with
// it; its user has a password. With -short the test is skipped.
func Postgres(t testing.TB) string {
	t.Helper()
	short(t, "PostgreSQL")
	base := given(postgresEnv)
	if base == "" {
		var err error
		if base, err = localPostgres(); err != nil {
			t.Fatal(err)
		}
	}
	address, err := createDatabase(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := dropDatabase(ctx, base, address); err != nil {
			t.Error(err)
		}
	})
	return address.String()
}

func createDatabase(ctx context.Context, base string) (*url.URL, error) {
	address, err := url.Parse(base)
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("testkit: %s must be postgres://user:password@host:port/database", postgresEnv)
	}
	name := "nerve_test_" + strings.ToLower(rand.Text()[:16])
	if err := execute(ctx, base, `CREATE DATABASE "`+name+`" TEMPLATE template0`); err != nil {
		return nil, fmt.Errorf("testkit: create a database: %w", err)
	}
	address.Path = "/" + name
	return address, nil
}

func dropDatabase(ctx context.Context, base string, address *url.URL) error {
	name := strings.TrimPrefix(address.Path, "/")
	if err := execute(ctx, base, `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`); err != nil {
		return fmt.Errorf("testkit: drop the database: %w", err)
	}
	return nil
}

func execute(ctx context.Context, address, query string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, query)
	return errors.Join(err, conn.Close(ctx))
}

// localPostgres starts the server of this process on first use.
var localPostgres = sync.OnceValues(func() (string, error) {
	for attempt := 1; ; attempt++ {
		address, err := startPostgres()
		if err == nil || attempt == startAttempts {
			return address, err
		}
	}
})

func startPostgres() (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	password := rand.Text()
	var c command
	var dir string
	initdb, postgres := program([]string{"initdb"}, postgresFolders...), program([]string{"postgres"}, postgresFolders...)
	switch {
	case initdb != "" && postgres != "":
		dir, c, err = postgresProgram(initdb, postgres, port, password)
	case docker():
		dir, err = newDir("nerve-postgres-", nil)
		c = container(postgresImage, port, 5432,
			[]string{"POSTGRES_USER=" + postgresUser, "POSTGRES_PASSWORD=" + password}, postgresSettings)
	default:
		err = errors.New("testkit: this test needs PostgreSQL: run `make deps`, start a Docker engine, or put the URL " +
			"of a server whose user may create databases in " + postgresEnv + " (`go test -short` leaves these tests out)")
	}
	if err != nil {
		return "", err
	}
	s, err := supervise(dir, c)
	if err != nil {
		return "", fmt.Errorf("testkit: start PostgreSQL: %w", err)
	}
	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(postgresUser, password),
		Host: "127.0.0.1:" + strconv.Itoa(port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return address.String(), s.ready(c.patience, func(ctx context.Context) error {
		return execute(ctx, address.String(), "SELECT 1")
	})
}

// postgresProgram makes a cluster in a new folder and returns the command that
// serves it.
func postgresProgram(initdb, postgres string, port int, password string) (string, command, error) {
	as, err := unprivileged()
	if err != nil {
		return "", command{}, err
	}
	dir, err := newDir("nerve-postgres-", as)
	if err != nil {
		return "", command{}, err
	}
	data := filepath.Join(dir, "data")
	if err := initCluster(initdb, data, password, as); err != nil {
		return "", command{}, errors.Join(err, os.RemoveAll(dir))
	}
	args := append([]string{
		postgres, "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
	}, postgresSettings...)
	// INT is its fast stop: it does not wait for clients, as TERM would.
	return dir, command{args: args, signal: "INT", as: as, patience: programPatience}, nil
}

func initCluster(initdb, data, password string, as *syscall.Credential) error {
	secret := data + ".password"
	if err := os.WriteFile(secret, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(secret, int(as.Uid), int(as.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.Command(initdb, "-D", data, "-U", postgresUser, "-A", "scram-sha-256", "--pwfile="+secret, //nolint:gosec // testkit's own arguments
		"-E", "UTF8", "--locale=C", "--no-sync")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("testkit: initdb: %w\n%s", err, out)
	}
	return nil
}
