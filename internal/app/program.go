package app

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

// LoadConfig reads the configuration of a program from a file ("" for what
// NERVE_CONFIG names) and the environment.
func LoadConfig(p config.Program, file string) (*config.Config, error) {
	return config.Load(config.Options{Program: p, File: file, Providers: providers.Names(), Vendor: registry.VendorOf, Check: check})
}

// Config reads the configuration of a program that is started with flags. With
// --healthcheck there is none: its error is what ExitCode makes of the answer.
func Config(p config.Program, args []string) (*config.Config, error) {
	o := config.Options{Program: p, Providers: providers.Names(), Vendor: registry.VendorOf, Check: check, Set: map[string]string{}}
	flags := flag.NewFlagSet(string(p), flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.File, "config", "", "YAML file")
	for name, path := range map[string]string{"host": "host", "port": "port", "log-level": "log.level"} {
		flags.Func(name, "the same as "+path, func(v string) error { o.Set[path] = v; return nil })
	}
	noEnv := flags.Bool("no-env", false, "do not read the environment")
	health := flags.Bool("healthcheck", false, "ask the one that runs whether it is alive, and end")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil, err // ExitCode answers it
	}
	if err != nil {
		return nil, config.Errors{{Key: "command line", Problem: err.Error(), Fix: "The flags are " + flagList}}
	}
	if flags.NArg() > 0 {
		return nil, config.Errors{{Key: "command line", Problem: fmt.Sprintf("%q is not expected", strings.Join(flags.Args(), " ")), Fix: "Take it out"}}
	}
	if *noEnv {
		o.Environ = []string{}
	}
	cfg, err := config.Load(o)
	switch {
	case !*health:
		return cfg, err
	case err != nil: // Docker keeps 2, which a mistake exits with, for itself
		return nil, fmt.Errorf("healthcheck: %s", err.Error())
	}
	return nil, healthcheck(cfg)
}

// errAlive ends a program that was only to ask whether another one runs, which it does.
var errAlive = errors.New("app: alive")

// healthTimeout is short of the 3 s after which Docker kills a check.
const healthTimeout = 2 * time.Second

// healthcheck asks the program that runs by a configuration whether it is alive. An
// image with nothing but the program in it has nothing else to ask with.
func healthcheck(cfg *config.Config) error {
	if cfg.Port == 0 {
		return errors.New("healthcheck: port 0 is a free one, which only the program that took it knows; set PORT")
	}
	host := cfg.Host
	switch ip := net.ParseIP(host); {
	case ip != nil && ip.Equal(net.IPv4zero):
		host = "127.0.0.1" // another program may have the port of ::1
	case host == "", ip != nil && ip.IsUnspecified():
		host = "localhost"
	}
	client := &http.Client{Timeout: healthTimeout, Transport: &http.Transport{}} // no proxy: HTTP_PROXY is for what is outside
	address := "http://" + net.JoinHostPort(host, strconv.Itoa(cfg.Port)) + "/health"
	resp, err := client.Get(address) //nolint:noctx // the client's timeout bounds it
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: %s answers %s", address, resp.Status)
	}
	return errAlive
}

// flagList is what Config understands.
const flagList = "--config FILE --host HOST --port PORT --log-level LEVEL --no-env --healthcheck"

// Logger logs to standard error as configured.
func Logger(cfg *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.Log.Level}
	if cfg.Log.Format == "text" {
		return slog.New(slog.NewTextHandler(os.Stderr, o))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, o))
}

// TLS is how nerve speaks TLS to Temporal: with the system's roots.
func TLS() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }

// ExitCode says what went wrong and returns what the program exits with: 2 for a
// configuration that has to be put right first, 0 for --help, 1 for anything else.
func ExitCode(program string, err error, w io.Writer) int {
	switch {
	case err == nil, errors.Is(err, errAlive):
		return 0
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprintf(w, "Usage: %s %s\nEverything else is set in the file and the environment.\n", program, flagList)
		return 0
	case config.IsMistake(err):
		_, _ = fmt.Fprintln(w, err)
		return config.ExitCode
	default:
		_, _ = fmt.Fprintf(w, "%s: %v\n", program, err)
		return 1
	}
}

// CollectLess has the garbage collector run when the heap is five times what is
// in use, instead of twice. What a delivery leaves behind, some 35 KiB in ingest,
// is garbage at once, beside a heap of a few MB, and so it is where it is recorded:
// at Go's default the collector would run many times a second, and on few cores
// that is what the slowest answers wait for. Whoever set GOGC has another opinion.
func CollectLess() {
	if set := debug.SetGCPercent(400); set != 100 {
		debug.SetGCPercent(set)
	}
}
