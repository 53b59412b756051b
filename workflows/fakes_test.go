package workflows_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// world is what the activities touch in these tests: it remembers, and fails on
// demand.
type world struct {
	mu        sync.Mutex
	reactions []string          // in the order in which they were set
	answers   []incident.Report // each post or edit of the answer
	headlines []incident.Report
	records   []contract.IncidentRecord
	released  []string
	notes     []string
	held      *contract.Silencing // what holds the alert when a silence is over

	reactErr  error
	answerErr error
	recordErr error
	toolErr   error
	noteErr   error

	onRecord func(contract.IncidentRecord)
	onAnswer func()
}

func (w *world) React(_ context.Context, _ incident.SlackRef, emoji string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reactErr != nil {
		return w.reactErr
	}
	w.reactions = append(w.reactions, emoji)
	return nil
}

func (w *world) Only(context.Context, incident.SlackRef, string) error { return nil }

func (w *world) Headline(_ context.Context, channel string, _ *incident.SlackRef, r incident.Report) (incident.SlackRef, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.headlines = append(w.headlines, r)
	return incident.SlackRef{ChannelID: channel, MessageTS: "1.000001", ThreadTS: "1.000001"}, nil
}

func (w *world) Answer(_ context.Context, _ incident.SlackRef, known string, r incident.Report) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answerErr != nil && r.Failure == "" {
		return "", w.answerErr
	}
	w.answers = append(w.answers, r)
	if w.onAnswer != nil {
		w.onAnswer()
	}
	if known != "" {
		return known, nil
	}
	return "2.000002", nil
}

func (w *world) Note(_ context.Context, _ incident.SlackRef, _, text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.noteErr != nil {
		return w.noteErr
	}
	w.notes = append(w.notes, text)
	return nil
}

func (w *world) Silenced(context.Context, incident.Signal) (*contract.Silencing, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held, nil
}

func (w *world) Record(_ context.Context, rec contract.IncidentRecord) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.recordErr != nil {
		return w.recordErr
	}
	w.records = append(w.records, rec)
	if w.onRecord != nil {
		w.onRecord(rec)
	}
	return nil
}

func (w *world) Release(_ context.Context, _, window, _ string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.released = append(w.released, window)
	return nil
}

func (w *world) Fetch(_ context.Context, q contract.EvidenceQuery) ([]incident.Evidence, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.toolErr != nil {
		return nil, w.toolErr
	}
	return []incident.Evidence{{Title: q.Tool, Text: "found by " + q.Tool}}, nil
}

func (w *world) lastRecord() contract.IncidentRecord {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.records[len(w.records)-1]
}

func (w *world) lastAnswer() incident.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers[len(w.answers)-1]
}

// plain leaves everything as it is: scrubbing has its own tests.
type plain struct{}

func (plain) Text(_ []byte, text string) string       { return text }
func (plain) Evidence(_ []byte, _ *incident.Evidence) {}
func (plain) Verdict(_ []byte, _ *incident.Verdict)   {}

// final is an adapter error that no retry mends; passing is one that a retry may.
type final struct{ code string }

func (e final) Error() string             { return e.code }
func (e final) Code() string              { return e.code }
func (e final) Retryable() bool           { return false }
func (e final) RetryAfter() time.Duration { return 0 }

var errPassing = errors.New("away for a while")
