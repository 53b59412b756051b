package workflows_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
	"github.com/nerve-alerts/nerve/workflows"
)

// shop is what the steps of a task touch in these tests. It remembers what was
// done, in order, and fails on demand, for good or for a number of times.
type shop struct {
	world

	mu     sync.Mutex
	done   []string
	fails  map[string]error
	times  map[string]int // how often each is still to fail; absent is for ever
	record contract.TaskRecord
	states []task.State
	charge contract.Charge
	notes  []incident.Report
	audit  map[string]audit.Entry // by ref
	saving func()                 // is called while a state is written
}

// AppendAudit keeps an entry once, and asks for its person as the record does.
func (s *shop) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) {
	if err := e.Actor.Check(); err != nil {
		return e, err
	}
	if err := s.do("audit"); err != nil {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit[e.Ref] = e
	return e, nil
}

func (s *shop) do(what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fails[what]; err != nil {
		n, bounded := s.times[what]
		if !bounded || n > 0 {
			if bounded {
				s.times[what] = n - 1
			}
			return err
		}
	}
	s.done = append(s.done, what)
	return nil
}

func (s *shop) Keep(_ context.Context, q contract.OutputQuery) (contract.TaskOutput, error) {
	return contract.TaskOutput{Key: "tasks/" + q.Source + "/" + q.Name + "/00.png", ContentType: "image/png", Size: 7, SHA256: "00", DownloadMS: 3, UploadMS: 2}, s.do("store")
}

func (s *shop) Remove(context.Context, string) error { return s.do("remove") }

func (s *shop) SaveTask(_ context.Context, rec contract.TaskRecord) error {
	if err := s.do("record " + string(rec.State)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rec.Revision > s.record.Revision {
		s.record = rec
	}
	s.states = append(s.states, rec.State)
	if s.saving != nil {
		s.saving()
	}
	return nil
}

func (s *shop) Settle(_ context.Context, c contract.Charge) error {
	s.charge = c
	return s.do("settle")
}

func (s *shop) Reverse(_ context.Context, c contract.Charge) error {
	s.charge = c
	return s.do("reverse")
}

func (s *shop) Headline(_ context.Context, channel string, _ *incident.SlackRef, r incident.Report) (incident.SlackRef, error) {
	what := "tell"
	if r.Signal.Severity == incident.SeverityCritical {
		what = "alarm"
	}
	err := s.do(what)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.notes = append(s.notes, r)
	}
	return incident.SlackRef{ChannelID: channel, MessageTS: "1.000001", ThreadTS: "1.000001"}, err
}

type taskBundle struct {
	*shop
	env *stage
	in  contract.TaskInput
}

func setupTask(t *testing.T) *taskBundle {
	t.Helper()
	s := &shop{fails: map[string]error{}, times: map[string]int{}, audit: map[string]audit.Entry{}}
	env := newStage(t, activities.Deps{
		Slack: s, Recorder: s, Windows: s, Scrubber: plain{}, Analyst: analysis.Rules{}, Outputs: s, Tasks: s, Billing: s, Auditor: s,
	})
	return &taskBundle{shop: s, env: env, in: contract.TaskInput{
		Name: "t1", Source: "replicate", Provider: "replicate", Channel: "C0ALERTS01", Salt: []byte("salt"),
		Event:   task.Event{ID: "t1", State: task.Succeeded, Output: "https://example.com/o.png", Outputs: 2, PredictSeconds: 1.5},
		Policy:  contract.TaskPolicy{Hosts: []string{"example.com"}, Types: []string{"image/*"}, MaxBytes: 100},
		Timings: map[string]float64{"accept": 0.5},
	}}
}

func (b *taskBundle) run() { b.env.ExecuteWorkflow(contract.WorkflowTaskResult, b.in) }

func (b *taskBundle) result(t *testing.T) contract.TaskResult {
	t.Helper()
	require.True(t, b.env.IsWorkflowCompleted())
	require.NoError(t, b.env.GetWorkflowError())
	var r contract.TaskResult
	require.NoError(t, b.env.GetWorkflowResult(&r))
	return r
}

func (b *taskBundle) say(after time.Duration, e task.Event) {
	in := b.in
	in.Event = e
	b.env.RegisterDelayedCallback(func() { b.env.SignalWorkflow(contract.SignalTaskEvent, in) }, after)
}

// count is how often something was done.
func (b *taskBundle) count(what string) int {
	n := 0
	for _, d := range b.done {
		if d == what {
			n++
		}
	}
	return n
}

// order is when the steps that matter were first done; a step that was not done
// is left out.
func (b *taskBundle) order(steps ...string) []string {
	var found []string
	for _, d := range b.done {
		if slices.Contains(steps, d) && !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	return found
}

func TestATaskThatSucceeds(t *testing.T) {
	t.Parallel()
	b := setupTask(t)
	b.run()

	r := b.result(t)
	assert.Equal(t, task.Succeeded, r.State)
	assert.Equal(t, contract.CreditsSettled, r.Credits)
	assert.Equal(t, []string{"store", "record succeeded", "settle"}, b.order("store", "record succeeded", "settle", "reverse", "remove"))
	assert.Equal(t, "t1", b.charge.TaskID)
	assert.Equal(t, "00", b.charge.Output.SHA256)
	assert.Equal(t, contract.CreditsSettled, b.record.Credits)
	assert.Equal(t, 2, b.record.Outputs)
	for _, step := range []string{"accept", "output", "download", "upload", "settle", "total", "all"} {
		assert.Contains(t, b.record.Timings, step, "row T6")
	}
	require.Len(t, b.notes, 1)
	assert.Equal(t, "Task t1 succeeded", b.notes[0].Signal.Title)
	assert.NotContains(t, b.notes[0].Signal.Description, "example.com", "a URL may be a secret")
}

func TestProgressComesInAnyOrderAndOnlyCountsOnce(t *testing.T) {
	t.Parallel()
	b := setupTask(t)
	end := b.in.Event
	b.in.Event = task.Event{ID: "t1", State: task.Processing}
	b.say(time.Minute, task.Event{ID: "t1", State: task.Starting}) // late
	b.say(2*time.Minute, task.Event{ID: "t1", State: task.Processing})
	b.say(3*time.Minute, end)
	b.say(3*time.Minute, task.Event{ID: "t1", State: task.Failed, Error: "too late"})
	b.run()

	assert.Equal(t, task.Succeeded, b.result(t).State)
	assert.Equal(t, 1, b.count("record processing"))
	assert.Zero(t, b.count("record starting"))
	assert.Zero(t, b.count("reverse"))
	assert.Equal(t, 1, b.count("store"))
	assert.Equal(t, 1, b.count("settle"))
}

func TestATaskThatDoesNotSucceed(t *testing.T) {
	t.Parallel()
	for state, why := range map[task.State]string{task.Failed: "the sender says that it failed: out of memory", task.Canceled: "the sender says that it was canceled: out of memory"} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			b := setupTask(t)
			b.in.Event = task.Event{ID: "t1", State: state, Error: "out of memory"}
			b.run()

			r := b.result(t)
			assert.Equal(t, state, r.State)
			assert.Equal(t, why, r.Failure)
			assert.Equal(t, contract.CreditsReversed, b.record.Credits)
			// Row T5: mark and record, reverse, notify.
			assert.Equal(t, []string{"record " + string(state), "reverse", "tell"}, b.order("record "+string(state), "reverse", "tell", "store", "settle", "remove"))
		})
	}
}

func TestATaskOfWhichNothingMoreIsHeard(t *testing.T) {
	t.Parallel()
	b := setupTask(t)
	b.in.Event, b.in.Policy.Patience = task.Event{ID: "t1", State: task.Starting}, time.Hour
	b.say(50*time.Minute, task.Event{ID: "t1", State: task.Processing}) // another hour from here
	b.env.RegisterDelayedCallback(func() { assert.Zero(t, b.count("reverse")) }, 100*time.Minute)
	b.run()
	r := b.result(t)
	assert.Equal(t, task.Failed, r.State)
	assert.Equal(t, "nothing more was heard of it for 1h0m0s", r.Failure)
	assert.Equal(t, 1, b.count("reverse"))
}

// TestEveryStepIsUndone has each step fail for good, after those before it have
// been done, and says what is undone then, in which order.
func TestEveryStepIsUndone(t *testing.T) {
	t.Parallel()
	all := []string{"store", "record succeeded", "settle", "tell", "record failed", "remove", "reverse", "alarm"}
	for name, tt := range map[string]struct {
		fails   []string
		state   task.State
		credits contract.Credits
		order   []string // of everything that was done
		stuck   string   // the step that a rerun begins with; "" ends well
	}{
		"the output": {
			[]string{"store"},
			task.Failed, contract.CreditsReversed,
			[]string{"record failed", "reverse", "tell"},
			"",
		},
		"the record, after the output": {
			[]string{"record succeeded"},
			task.Failed, contract.CreditsReversed,
			[]string{"store", "record failed", "remove", "reverse", "tell"},
			"",
		},
		"the credits, after the record": {
			[]string{"settle"},
			task.Succeeded, contract.CreditsUnsettled,
			[]string{"store", "record succeeded", "tell", "alarm"},
			"settle",
		},
		"the notice, after the credits": {
			[]string{"tell"},
			task.Succeeded, contract.CreditsSettled,
			[]string{"store", "record succeeded", "settle"},
			"",
		},
		"the compensation of the output": {
			[]string{"record succeeded", "remove"},
			task.Failed, contract.CreditsReversed,
			[]string{"store", "record failed", "reverse", "tell", "alarm"},
			"remove",
		},
		"the compensation of the credits": {
			[]string{"record succeeded", "reverse"},
			task.Failed, contract.CreditsUnreversed,
			[]string{"store", "record failed", "remove", "tell", "alarm"},
			"reverse",
		},
		"both": {
			[]string{"record succeeded", "remove", "reverse"},
			task.Failed, contract.CreditsUnreversed,
			[]string{"store", "record failed", "tell", "alarm"},
			"remove",
		},
		"the record, for a success and a failure": {
			[]string{"record succeeded", "record failed"},
			task.Failed, contract.CreditsReversed,
			[]string{"store", "remove", "reverse", "tell", "alarm"},
			"keep",
		},
		"everything, also people": {
			[]string{"store", "record failed", "reverse", "tell", "alarm"}, task.Failed, contract.CreditsUnreversed, nil, "reverse",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupTask(t)
			for _, what := range tt.fails {
				b.fails[what] = final{"example/refused"}
			}
			b.run()

			require.True(t, b.env.IsWorkflowCompleted())
			assert.Equal(t, tt.order, b.order(all...))
			if slices.ContainsFunc(b.states, task.State.Final) { // an end is on record
				assert.Equal(t, tt.state, b.record.State)
				assert.Equal(t, tt.credits, b.record.Credits)
			}
			if tt.stuck == "" {
				assert.Equal(t, tt.state, b.result(t).State)
				return
			}
			var app *temporal.ApplicationError
			require.ErrorAs(t, b.env.GetWorkflowError(), &app)
			assert.Equal(t, workflows.ErrorStepFailed, app.Type())
			var stepName string
			require.NoError(t, app.Details(&stepName))
			assert.Equal(t, tt.stuck, stepName)
			if b.count("alarm") > 0 {
				alarm := b.notes[len(b.notes)-1]
				assert.Equal(t, incident.SeverityCritical, alarm.Signal.Severity)
				assert.Contains(t, alarm.Signal.Description, "nerve tasks rerun replicate:t1")
			}
		})
	}
}

// A billing system that is away for hours neither fails the task nor keeps
// people waiting (row T4).
func TestABillingSystemThatIsAwayHoldsUpNobody(t *testing.T) {
	t.Parallel()
	b := setupTask(t)
	b.fails["settle"], b.times["settle"] = errPassing, 8
	var told, settled int
	b.env.RegisterDelayedCallback(func() { told, settled = b.count("tell"), b.count("settle") }, 10*time.Second)
	b.run()

	assert.Equal(t, contract.CreditsSettled, b.result(t).Credits)
	assert.Equal(t, 1, told, "people are told at once")
	assert.Zero(t, settled)
	assert.Equal(t, 1, b.count("settle"))
}

// A task that is cancelled in Temporal is undone, as long as its success is not
// on record.
func TestCancelled(t *testing.T) {
	t.Parallel()
	t.Run("before its end", func(t *testing.T) {
		t.Parallel()
		b := setupTask(t)
		b.in.Event = task.Event{ID: "t1", State: task.Processing}
		b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Minute)
		b.run()
		require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()))
		assert.Equal(t, task.Canceled, b.record.State)
		assert.Equal(t, contract.CreditsReversed, b.record.Credits)
	})
	t.Run("while its output is fetched", func(t *testing.T) {
		t.Parallel()
		b := setupTask(t)
		b.fails["store"] = errPassing
		b.env.RegisterDelayedCallback(b.env.CancelWorkflow, time.Second)
		b.run()
		require.True(t, temporal.IsCanceledError(b.env.GetWorkflowError()))
		assert.Equal(t, task.Canceled, b.record.State)
		assert.Equal(t, 1, b.count("reverse"))
	})
	t.Run("after its success is on record", func(t *testing.T) {
		t.Parallel()
		b := setupTask(t)
		b.fails["settle"], b.times["settle"] = errPassing, 3
		b.env.RegisterDelayedCallback(b.env.CancelWorkflow, 2*time.Second)
		b.run()
		assert.Equal(t, contract.CreditsSettled, b.result(t).Credits, "what is on record is settled all the same")
		assert.Zero(t, b.count("reverse"))
	})
}

// A rerun is told to the run that goes on, while it is busy or about to end.
func TestARerunIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	rerun := contract.IncidentAction{Ref: "task:replicate:t1/run-1/rerun", Kind: contract.ActionRerun, Actor: onCall, Reason: "billing is back"}
	want := audit.Entry{
		Ref: rerun.Ref, Actor: onCall, Action: contract.AuditTaskRerun, Target: "replicate:t1", Detail: map[string]string{"reason": "billing is back"},
	}
	tell := func(b *taskBundle, a contract.IncidentAction) { b.env.SignalWorkflow(contract.SignalAction, a) }
	t.Run("while it is busy", func(t *testing.T) {
		t.Parallel()
		b := setupTask(t)
		b.fails["settle"], b.times["settle"] = errPassing, 3
		b.fails["audit"], b.times["audit"] = errPassing, 2
		b.env.RegisterDelayedCallback(func() {
			tell(b, rerun)
			tell(b, contract.IncidentAction{Ref: "nobody", Kind: contract.ActionRerun})
			tell(b, contract.IncidentAction{Ref: "other", Kind: contract.ActionSnoozed, Actor: onCall})
		}, time.Second)
		b.run()
		assert.Equal(t, contract.CreditsSettled, b.result(t).Credits)
		assert.Equal(t, map[string]audit.Entry{rerun.Ref: want}, b.audit)
	})
	t.Run("while its last state is written", func(t *testing.T) {
		t.Parallel()
		b := setupTask(t)
		var once sync.Once
		b.saving = func() {
			if b.count("settle") > 0 {
				once.Do(func() { tell(b, rerun) })
			}
		}
		b.run()
		b.result(t)
		assert.Equal(t, map[string]audit.Entry{rerun.Ref: want}, b.audit)
	})
}

// A task of which the first that is heard is its success is listed while its
// output is fetched, as one that is not over.
func TestATaskThatBeginsWithItsEndIsListedAtOnce(t *testing.T) {
	t.Parallel()
	b := setupTask(t)
	b.fails["store"], b.times["store"] = errPassing, 5
	var listed contract.TaskRecord
	b.env.RegisterDelayedCallback(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		listed = b.record
	}, 500*time.Millisecond)
	b.run()
	assert.Equal(t, task.Succeeded, b.result(t).State)
	assert.Equal(t, "replicate:t1", listed.ID)
	assert.Equal(t, task.Processing, listed.State)
	assert.Zero(t, listed.FinishedAt)
	assert.Equal(t, task.Succeeded, b.record.State)
}

func TestNotices(t *testing.T) {
	t.Parallel()
	for notices, want := range map[string][2]int{contract.NoticesAll: {1, 1}, "": {1, 1}, contract.NoticesFailures: {0, 1}, contract.NoticesNone: {0, 0}} {
		for i, state := range []task.State{task.Succeeded, task.Failed} {
			b := setupTask(t)
			b.in.Policy.Notices, b.in.Event.State = notices, state
			b.run()
			b.result(t)
			assert.Equal(t, want[i], b.count("tell"), "%q %s", notices, state)
		}
	}
	b := setupTask(t)
	b.in.Channel = ""
	b.fails["reverse"] = final{"example/refused"}
	b.in.Event.State = task.Failed
	b.run()
	require.Error(t, b.env.GetWorkflowError(), "nobody could be told, but it shows in Temporal")
}
