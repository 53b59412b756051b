// Package state is the directory in which `nerve dev` keeps what must survive a
// restart, and the note in it that tells the other commands where it listens.
// It links none of the servers.
package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
)

const noteFile = "dev.json"

// Note is where a running nerve dev is, and the secrets to talk to it with. It
// is readable by its owner only.
type Note struct {
	PID         int               `json:"pid"`
	IngestURL   string            `json:"ingest_url"`
	Temporal    string            `json:"temporal_address"`
	Namespace   string            `json:"temporal_namespace"`
	TemporalUI  string            `json:"temporal_ui_url"`
	ChannelURL  string            `json:"channel_url,omitempty"` // the Slack stand-in's page
	SlackImport string            `json:"slack_import_url,omitempty"`
	Redis       string            `json:"redis_url,omitempty"`
	Database    string            `json:"database_url,omitempty"`
	APIURL      string            `json:"api_url,omitempty"`   // of the operators' API
	APIToken    string            `json:"api_token,omitempty"` // for all of it
	Secrets     map[string]string `json:"secrets"`             // by source
	Providers   map[string]string `json:"providers,omitempty"` // by source; of those that have another name
	Keyset      string            `json:"keyset"`
	// Config is the configuration file that it was started with, or "".
	Config string `json:"config,omitempty"`

	// Who can approve a change, where they are asked, and whether one person can
	// do what needs two. People is empty unless the configuration names some.
	People            config.People `json:"people,omitempty"`
	SingleOperator    bool          `json:"single_operator,omitempty"`
	ApprovalsChannel  string        `json:"approvals_channel,omitempty"`
	ApprovalsDeadline time.Duration `json:"approvals_deadline,omitempty"`
}

// SourceURL is where a source is delivered to.
func (n Note) SourceURL(source string) string {
	return strings.TrimSuffix(n.IngestURL, "/") + "/webhooks/" + source
}

// Dir is the state directory: dir itself, or the default under the user's state
// directory when dir is empty.
func Dir(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	if base := os.Getenv("XDG_STATE_HOME"); base != "" { //nolint:forbidigo // the one variable that says where state lives
		return filepath.Join(base, "nerve"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("state: no home directory, so name one with --state: %w", err)
	}
	return filepath.Join(home, ".local", "state", "nerve"), nil
}

// Read reads the note in a state directory. The error is fs.ErrNotExist when
// there is none.
func Read(dir string) (Note, error) {
	dir, err := Dir(dir)
	if err != nil {
		return Note{}, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, noteFile)) //nolint:gosec // the operator names the directory
	if err != nil {
		return Note{}, fmt.Errorf("state: %w", err)
	}
	var n Note
	if err := json.Unmarshal(raw, &n); err != nil {
		return Note{}, fmt.Errorf("state: %s is damaged (%w): start nerve dev again, which writes it anew", filepath.Join(dir, noteFile), err)
	}
	return n, nil
}

// ErrNotRunning means that no nerve dev runs on a state directory.
var ErrNotRunning = errors.New("nerve dev is not running")

// Find reads the note and makes sure that its nerve dev still runs: one that was
// killed leaves its note behind. Otherwise the error is ErrNotRunning.
func Find(ctx context.Context, dir string) (Note, error) {
	dir, err := Dir(dir)
	if err != nil {
		return Note{}, err
	}
	n, err := Read(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !n.alive(ctx) {
		return Note{}, fmt.Errorf("%w (state %s)", ErrNotRunning, dir)
	}
	return n, err
}

// alive reports whether the process of the note is there, and something listens
// where it did. Either alone may be somebody else by now.
func (n Note) alive(ctx context.Context) bool {
	p, err := os.FindProcess(n.PID)
	if err != nil {
		return false // as Windows says it
	}
	defer func() { _ = p.Release() }()
	if errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		return false
	}
	u, err := url.Parse(n.IngestURL)
	if err != nil {
		return false
	}
	c, err := (&net.Dialer{Timeout: aliveWithin}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// aliveWithin is how long a listener on this machine may take to take a connection.
const aliveWithin = 2 * time.Second

// Write leaves the note; Remove takes it away when nerve dev stops.
func Write(dir string, n Note) error { return writeJSON(filepath.Join(dir, noteFile), n) }

// Remove takes the note away.
func Remove(dir string) error {
	err := os.Remove(filepath.Join(dir, noteFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, raw, 0o600); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
