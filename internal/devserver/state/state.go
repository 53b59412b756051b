// Package state is the directory in which `nerve dev` keeps what must survive a
// restart, and the note in it that tells the other commands where it listens.
// It links none of the servers.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	Secrets     map[string]string `json:"secrets"` // by source
	Keyset      string            `json:"keyset"`
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

// Read reads the note of the nerve dev that runs on a state directory.
func Read(dir string) (Note, error) {
	dir, err := Dir(dir)
	if err != nil {
		return Note{}, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, noteFile)) //nolint:gosec // the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		return Note{}, fmt.Errorf("nerve dev does not run on %s", dir)
	}
	if err != nil {
		return Note{}, fmt.Errorf("state: %w", err)
	}
	var n Note
	if err := json.Unmarshal(raw, &n); err != nil {
		return Note{}, fmt.Errorf("state: %s is damaged: %w", filepath.Join(dir, noteFile), err)
	}
	return n, nil
}

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
