package state

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const secretsFile = "secrets.json"

// Secrets are made once for a state directory, because what rests there is
// encrypted with them.
type Secrets struct {
	Keyset     string            `json:"keyset"`
	SlackToken string            `json:"slack_token"` // of the stand-in
	Sources    map[string]string `json:"sources"`
	APIToken   string            `json:"api_token,omitempty"` // made by the worker when it starts
}

// LoadSecrets reads the directory's secrets, or makes them. newKeyset makes an
// encryption keyset, newSecret the secret of a source.
func LoadSecrets(dir string, sources []string, newKeyset func() (string, error), newSecret func(source string) (string, error)) (Secrets, error) {
	path := filepath.Join(dir, secretsFile)
	var s Secrets
	raw, err := os.ReadFile(path) //nolint:gosec // the operator names the directory
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return s, fmt.Errorf("state: %w", err)
	default:
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, fmt.Errorf("state: %s is damaged: %w (--fresh forgets the state directory)", path, err)
		}
	}
	if s.Keyset == "" {
		if s.Keyset, err = newKeyset(); err != nil {
			return s, err
		}
	}
	if s.SlackToken == "" {
		s.SlackToken = "xoxb-dev-" + random(12)
	}
	if s.Sources == nil {
		s.Sources = map[string]string{}
	}
	for _, name := range sources {
		if s.Sources[name] != "" {
			continue
		}
		if s.Sources[name], err = newSecret(name); err != nil {
			return s, err
		}
	}
	return s, writeJSON(path, s)
}

// SaveSecrets keeps what was added to the directory's secrets.
func SaveSecrets(dir string, s Secrets) error { return writeJSON(filepath.Join(dir, secretsFile), s) }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return hex.EncodeToString(b)
}
