package approval_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// teller remembers whom it told what.
type teller struct {
	mu   sync.Mutex
	told map[string]string
}

func (l *teller) Tell(_ context.Context, _, user, _, text string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told == nil {
		l.told = map[string]string{}
	}
	l.told[user] = text
	return errors.New("and Slack is away too") // which changes nothing
}

func click(t *testing.T, id, run, user, action string) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user}, "team": map[string]any{"id": "T1"}, "channel": map[string]any{"id": "C0ALERTS01"},
		"actions": []any{map[string]any{"action_id": action, "block_id": "nerve_approval", "value": id + "/" + run, "action_ts": "1.5"}},
	})
	require.NoError(t, err)
	return []byte(url.Values{"payload": {string(payload)}}.Encode())
}

const (
	grant = "nerve_approval_grant"
	deny  = "nerve_approval_deny"
)

func TestAClickDecides(t *testing.T) {
	t.Parallel()
	for action, reason := range map[string]contract.Reason{grant: contract.ReasonClick.With("granted"), deny: contract.ReasonClick.With("denied")} {
		s, f := setup(t)
		l := &teller{}
		d := approval.NewDesk(s, l, slog.New(slog.DiscardHandler))
		id, err := s.Submit(t.Context(), change(), "", alex)
		require.NoError(t, err)
		outcome, why := d.Click(t.Context(), click(t, id, "run-i", "U012ROBIN", action))
		assert.Equal(t, contract.OutcomeDecided, outcome)
		assert.Equal(t, reason, why)
		require.Len(t, f.updates, 1)
		assert.Equal(t, []any{contract.Ruling{
			Actor: audit.Actor{Person: "robin", Via: audit.ViaSlack, Credential: "T1/U012ROBIN"}, Grant: action == grant,
		}}, f.updates[0].Args)
		assert.NotEmpty(t, f.updates[0].UpdateID, "a press that comes twice decides once")
		assert.Empty(t, l.told)
	}
}

func TestClicksThatDecideNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user, run string
		prepare   func(*temporal)
		reason    string
		says      string
	}{
		"somebody unknown":      {"U0STRANGER", "run-i", nil, "unknown_person", "U0STRANGER"},
		"whoever asked":         {"U012ALEX", "run-i", func(f *temporal) { f.updateErr = refusal(contract.RefusedRequester) }, "requester", "somebody else"},
		"too late":              {"U012ROBIN", "run-i", func(f *temporal) { f.updateErr = refusal(contract.RefusedDecided) }, "decided", "already"},
		"an older request":      {"U012ROBIN", "run-0", nil, "decided", "already"},
		"gone":                  {"U012ROBIN", "run-i", func(f *temporal) { f.runs = nil }, "not_found", "not there"},
		"no worker":             {"U012ROBIN", "run-i", func(f *temporal) { f.slow = make(chan struct{}) }, "no_worker", "not sure"},
		"Temporal is away":      {"U012ROBIN", "run-i", func(f *temporal) { f.down = errDown }, "failed", "nothing was decided"},
		"nobody, says Temporal": {"U012ROBIN", "run-i", func(f *temporal) { f.updateErr = refusal(contract.RefusedNobody) }, "nobody", "not among"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := setup(t, func(o *approval.Options) { o.Patience = 10 * time.Millisecond })
			l := &teller{}
			d := approval.NewDesk(s, l, slog.New(slog.DiscardHandler))
			id, err := s.Submit(t.Context(), change(), "", alex)
			require.NoError(t, err)
			if tt.prepare != nil {
				tt.prepare(f)
			}
			outcome, why := d.Click(t.Context(), click(t, id, tt.run, tt.user, grant))
			assert.Equal(t, contract.OutcomeIgnored, outcome)
			assert.Equal(t, contract.ReasonClickRefused.With(tt.reason), why)
			assert.Contains(t, l.told[tt.user], tt.says)
			assert.NotContains(t, l.told[tt.user], "no way to Temporal", "an error is for the log")
		})
	}
}

func refusal(kind string) error { return sdktemporal.NewNonRetryableApplicationError("no", kind, nil) }

func TestOtherInteractionsAreIgnored(t *testing.T) {
	t.Parallel()
	s, f := setup(t)
	d := approval.NewDesk(s, nil, slog.New(slog.DiscardHandler))
	outcome, why := d.Click(t.Context(), click(t, "x", "y", "U012ROBIN", "another_button"))
	assert.Equal(t, contract.OutcomeIgnored, outcome)
	assert.Equal(t, contract.ReasonNotOurButton, why)
	outcome, _ = d.Click(t.Context(), []byte("%zz"))
	assert.Equal(t, contract.OutcomeIgnored, outcome)
	assert.Empty(t, f.updates)
}

// Slack waits three seconds: a slow Temporal does not hold the answer, and the
// person is told later.
func TestASlowDecisionDoesNotHoldTheAnswer(t *testing.T) {
	t.Parallel()
	s, f := setup(t)
	f.slow = make(chan struct{})
	l := &teller{}
	d := approval.NewDesk(s, l, slog.New(slog.DiscardHandler))
	d.Wait()
	id, err := s.Submit(t.Context(), change(), "", alex)
	require.NoError(t, err)
	f.updateErr = refusal(contract.RefusedRequester)
	approval.SetClickWait(d, time.Millisecond)
	outcome, why := d.Click(t.Context(), click(t, id, "run-i", "U012ALEX", grant))
	assert.Equal(t, contract.OutcomeDecided, outcome)
	assert.Equal(t, contract.ReasonClick.With("pending"), why)
	close(f.slow)
	d.Wait()
	assert.Contains(t, l.told["U012ALEX"], "somebody else")
}
