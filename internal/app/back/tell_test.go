package back

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/starter"
)

// script answers commands in order and remembers them.
type script struct {
	answers []starter.Outcome
	err     error
	told    []contract.Command
	past    func(contract.Command) (bool, error)
}

func (s *script) Past(_ context.Context, cmd contract.Command) (bool, error) {
	if s.past == nil {
		return false, nil
	}
	return s.past(cmd)
}

func (s *script) Do(_ context.Context, cmd contract.Command) (starter.Result, error) {
	s.told = append(s.told, cmd)
	if s.err != nil {
		return starter.Result{}, s.err
	}
	o := s.answers[min(len(s.told), len(s.answers))-1]
	return starter.Result{Outcome: o}, nil
}

func fired() *contract.TriageInput {
	return &contract.TriageInput{Signal: incident.Signal{
		DeduplicationKey: "datadog:alert:1", Key: incident.Key{Kind: incident.KeyAlert}, RawPayload: incident.RawPayload{DeliveryID: "d1"},
	}}
}

func start() contract.Command {
	return contract.Command{WorkflowID: "datadog:alert:1", KeyKind: incident.KeyAlert, Start: fired()}
}

func occurrence(fallback *contract.TriageInput) contract.Command {
	return contract.Command{WorkflowID: "datadog:alert:1", KeyKind: incident.KeyAlert, Occurrence: &contract.Occurrence{DeliveryID: "d1"}, Fallback: fallback}
}

// TestASpooledStartInAnothersName: of the events of a group, each may have to start the
// incident of the first. One that comes too late is its occurrence, and as bad as it is.
func TestASpooledStartInAnothersName(t *testing.T) {
	t.Parallel()
	own := contract.TriageInput{Delivery: "d2", ReceivedAt: time.Unix(1, 0), Signal: incident.Signal{
		DeduplicationKey: "vendor:event:2", Key: incident.Key{Kind: incident.KeyEvent}, Severity: incident.SeverityCritical,
	}}
	first := own
	first.Signal.DeduplicationKey = "vendor:event:1"
	cmd := contract.Command{WorkflowID: "vendor:event:1", KeyKind: incident.KeyEvent, Start: &first, Fallback: &own}
	s := &script{answers: []starter.Outcome{starter.AlreadyTaken, starter.NotRunning, starter.AlreadyTaken}}
	require.NoError(t, tell(t.Context(), s, cmd))
	require.Len(t, s.told, 3)
	assert.Equal(t, "vendor:event:1", s.told[1].WorkflowID)
	assert.Equal(t, &contract.Occurrence{DeliveryID: "d2", At: own.ReceivedAt, Severity: incident.SeverityCritical}, s.told[1].Occurrence)
	assert.Equal(t, "vendor:event:2", s.told[2].WorkflowID, "the incident has closed: it has one of its own")
	assert.Equal(t, "vendor:event:2", s.told[2].Start.Signal.DeduplicationKey)
}

func TestASpooledCommandEndsWithAnOpenIncident(t *testing.T) {
	t.Parallel()
	task := contract.Command{WorkflowID: "task:replicate:1", KeyKind: incident.KeyEvent, Task: &contract.TaskInput{Name: "1"}}
	for name, tt := range map[string]struct {
		cmd     contract.Command
		answers []starter.Outcome
		starts  int
		tells   int
	}{
		"started":                         {start(), []starter.Outcome{starter.Started}, 1, 0},
		"an event that was taken":         {start(), []starter.Outcome{starter.AlreadyTaken}, 1, 0},
		"running: one more occurrence":    {start(), []starter.Outcome{starter.AlreadyRunning, starter.Signalled}, 1, 1},
		"closed between the two":          {start(), []starter.Outcome{starter.AlreadyRunning, starter.NotRunning, starter.Started}, 2, 1},
		"an occurrence":                   {occurrence(fired()), []starter.Outcome{starter.Signalled}, 0, 1},
		"an occurrence of a closed one":   {occurrence(fired()), []starter.Outcome{starter.NotRunning, starter.Started}, 1, 1},
		"a task":                          {task, []starter.Outcome{starter.Started}, 0, 0},
		"a task that runs":                {task, []starter.Outcome{starter.Signalled}, 0, 0},
		"a task that is over":             {task, []starter.Outcome{starter.AlreadyTaken}, 0, 0},
		"a task that nobody knows":        {task, []starter.Outcome{starter.NotRunning}, 0, 0},
		"an occurrence of an older nerve": {occurrence(nil), []starter.Outcome{starter.NotRunning}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{answers: tt.answers}
			require.NoError(t, tell(t.Context(), s, tt.cmd))
			starts, tells := 0, 0
			for _, c := range s.told {
				if c.Task != nil {
					assert.Len(t, s.told, 1, "a task is told once, whatever it answers")
					continue
				}
				if c.Start != nil {
					starts++
					assert.Equal(t, "datadog:alert:1", c.WorkflowID)
				} else {
					tells++
					assert.Equal(t, "d1", c.Occurrence.DeliveryID)
				}
			}
			assert.Equal(t, tt.starts, starts)
			assert.Equal(t, tt.tells, tells)
		})
	}
}

func TestTellSaysWhatIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, tell(t.Context(), &script{err: starter.ErrPermanent}, start()), admission.ErrPoison)
	away := errors.New("away")
	err := tell(t.Context(), &script{err: away}, start())
	require.ErrorIs(t, err, away)
	require.NotErrorIs(t, err, admission.ErrPoison)
	err = tell(t.Context(), &script{answers: []starter.Outcome{starter.NotRunning, starter.AlreadyRunning, starter.NotRunning, starter.AlreadyRunning}}, occurrence(fired()))
	require.ErrorContains(t, err, "each time")
	require.NotErrorIs(t, err, admission.ErrPoison)
}

// What an incident that has ended took already is neither started nor told again.
func TestTellAsksWhetherItWasTold(t *testing.T) {
	t.Parallel()
	started := func(c contract.Command) (bool, error) { return c.Start != nil, nil }
	resolve := contract.Command{WorkflowID: "datadog:alert:1", KeyKind: incident.KeyAlert, Resolved: &contract.Resolved{DeliveryID: "d1"}}
	for name, tt := range map[string]struct {
		cmd  contract.Command
		past func(contract.Command) (bool, error)
		told int
	}{
		"a start":                      {start(), started, 0},
		"an occurrence":                {occurrence(fired()), func(contract.Command) (bool, error) { return true, nil }, 0},
		"a resolve":                    {resolve, func(contract.Command) (bool, error) { return true, nil }, 0},
		"the start of a repeat":        {occurrence(fired()), started, 1},
		"a start that was an incident": {start(), func(c contract.Command) (bool, error) { return c.Occurrence != nil, nil }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome := starter.NotRunning
			if tt.cmd.Start != nil {
				outcome = starter.AlreadyRunning
			}
			s := &script{answers: []starter.Outcome{outcome}, past: tt.past}
			require.NoError(t, tell(t.Context(), s, tt.cmd))
			assert.Len(t, s.told, tt.told)
		})
	}
	away := errors.New("away")
	s := &script{past: func(contract.Command) (bool, error) { return false, away }}
	err := tell(t.Context(), s, start())
	require.ErrorIs(t, err, away)
	require.NotErrorIs(t, err, admission.ErrPoison)
	assert.Empty(t, s.told, "told without knowing")
}

// A repeat that starts an incident is known there by the delivery that was to be
// told, also where the vendor gives no id.
func TestARepeatStartsUnderItsDelivery(t *testing.T) {
	t.Parallel()
	s := &script{answers: []starter.Outcome{starter.NotRunning, starter.Started}}
	cmd := occurrence(fired())
	cmd.Occurrence.DeliveryID = "d1-2"
	require.NoError(t, tell(t.Context(), s, cmd))
	assert.Equal(t, "d1-2", s.told[1].Start.Delivery)
	assert.Empty(t, cmd.Fallback.Delivery, "the command itself stays as it was")
}

// A resolve that waited must not close what fired since, so the incident is told
// that it is late.
func TestASpooledResolveIsToldAsLate(t *testing.T) {
	t.Parallel()
	s := &script{answers: []starter.Outcome{starter.Signalled}}
	spooled := contract.Command{WorkflowID: "datadog:alert:1", KeyKind: incident.KeyAlert, Resolved: &contract.Resolved{DeliveryID: "d2"}}
	require.NoError(t, tell(t.Context(), s, spooled))
	require.Len(t, s.told, 1)
	assert.Equal(t, &contract.Resolved{DeliveryID: "d2", Late: true}, s.told[0].Resolved)
}
