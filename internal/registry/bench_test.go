package registry_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/testkit"
)

var (
	at     = time.Date(2026, 3, 4, 5, 6, 7, 123456000, time.UTC)
	asker  = audit.Actor{Person: "ops@example.com", Via: audit.ViaCLI}
	second = audit.Actor{Person: "dev@example.com", Via: audit.ViaSlack}
)

// secret is shaped like one and different for each letter.
func secret(letter string) string { return strings.Repeat(letter, 40) }

// id is the name of a secret of the first source in the database.
func (b *bench) id(t *testing.T, letter string) string {
	t.Helper()
	for _, s := range b.loaded(t).Sources[0].Source.Secrets {
		if s.Value.Reveal() == secret(letter) {
			require.Regexp(t, "^[0-9a-f]{16}$", s.ID)
			return s.ID
		}
	}
	require.Fail(t, "there is no secret "+letter)
	return ""
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.String()
}

// bench is a registry on a database of its own.
type bench struct {
	*registry.Registry
	store     *record.Store
	sealer    *privacy.Sealer
	clock     *testkit.Clock
	log       *lockedBuffer
	url       string
	mu        sync.Mutex
	announced []int64
}

func onBoth(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url := "sqlite://" + filepath.Join(t.TempDir(), "nerve.db")
			if kind == "postgres" {
				url = testkit.Postgres(t)
			}
			test(t, newBench(t, url))
		})
	}
}

func newBench(t *testing.T, url string, change ...func(*registry.Options)) *bench {
	t.Helper()
	b := &bench{clock: testkit.NewClock(at), log: &lockedBuffer{}, url: url}
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	b.store, err = record.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.store.Close()) })
	b.sealer = newSealer(t)
	o := registry.Options{
		Store: b.store, Sealer: b.sealer, Now: b.clock.Now, Log: log, Base: config.DefaultSource("", ""),
		File: []config.Source{config.DefaultSource("slack", "slack", config.Secret(secret("f")))},
		Announce: func(_ context.Context, revision int64) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.announced = append(b.announced, revision)
			return nil
		},
	}
	for _, c := range change {
		c(&o)
	}
	b.Registry, err = registry.New(o)
	require.NoError(t, err)
	return b
}

func newSealer(t *testing.T) *privacy.Sealer {
	t.Helper()
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	sealer, err := privacy.NewSealer(keys)
	require.NoError(t, err)
	return sealer
}

func add(name string, fields map[string]any) contract.Change {
	return contract.Change{Action: contract.ActionSourceAdd, Target: name, Fields: fields, Secret: secret("a")}
}

func set(name string, fields map[string]any) contract.Change {
	return contract.Change{Action: contract.ActionSourceSet, Target: name, Fields: fields}
}

// approved makes a change that a second person has approved.
func (b *bench) approved(t *testing.T, c contract.Change) registry.Applied {
	t.Helper()
	a, err := b.Apply(t.Context(), registry.Order{Change: c, By: asker, ApprovedBy: &second})
	require.NoError(t, err)
	return a
}

func (b *bench) refused(t *testing.T, c contract.Change) error {
	t.Helper()
	_, err := b.Check(t.Context(), c)
	require.Error(t, err)
	_, applied := b.Apply(t.Context(), registry.Order{Change: c, By: asker, ApprovedBy: &second})
	require.Error(t, applied, "what Check refuses, Apply refuses")
	return err
}

// loaded is what an ingest would work with.
func (b *bench) loaded(t *testing.T) registry.Loaded {
	t.Helper()
	set, err := b.store.SealedSources(t.Context())
	require.NoError(t, err)
	return registry.Open(set, b.sealer, config.DefaultSource("", ""))
}

// proves puts a delivery into the log that a secret proved.
func (b *bench) proves(t *testing.T, source, secretID string, when time.Time) {
	t.Helper()
	require.NoError(t, b.store.SaveDeliveries(t.Context(), []contract.Delivery{{
		ID: source + secretID + when.String(), Source: source, SecretID: secretID, Outcome: contract.OutcomeAccepted, Status: 200, ReceivedAt: when,
	}}))
}
