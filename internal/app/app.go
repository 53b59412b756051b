package app

import (
	"log/slog"

	"crypto/tls"

	"github.com/nerve-alerts/nerve/internal/app/front"
	"github.com/nerve-alerts/nerve/internal/config"
)

// What the worker and `nerve dev` share with ingest; see package front.
type (
	// Core is what both programs work with.
	Core = front.Core
	// Options are what differs between production and `nerve dev`.
	Options = front.Options
	// Ingest is the program behind cmd/ingest: the HTTP front.
	Ingest = front.Ingest
)

// Connect builds the core; see front.Connect.
func Connect(cfg *config.Config, o Options) (*Core, error) { return front.Connect(cfg, o) }

// NewIngest builds the HTTP front; see front.NewIngest.
func NewIngest(core *Core) (*Ingest, error) { return front.NewIngest(core) }

// LoadConfig reads a program's configuration; see front.LoadConfig.
func LoadConfig(p config.Program, file string) (*config.Config, error) {
	return front.LoadConfig(p, file)
}

// Config reads the configuration of a program that is started with flags.
func Config(p config.Program, args []string) (*config.Config, error) { return front.Config(p, args) }

// Logger logs to standard error as configured.
func Logger(cfg *config.Config) *slog.Logger { return front.Logger(cfg) }

// TLS is how nerve speaks TLS to Temporal.
func TLS() *tls.Config { return front.TLS() }
