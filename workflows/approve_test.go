package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/nerve-alerts/nerve/activities"
	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/analysis"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// office is what an approval touches in these tests: Slack, the audit log and
// the sources.
type office struct {
	mu       sync.Mutex
	asked    []contract.ApprovalNotice
	edits    []contract.ApprovalStatus
	reminded int
	log      []audit.Entry
	applied  []contract.Change
	refs     []string
	approver audit.Actor

	askErr   error
	auditErr error
	applyErr []error // one for each attempt, then none
}

func (o *office) AskApproval(_ context.Context, channel string, n contract.ApprovalNotice) (incident.SlackRef, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.askErr != nil {
		return incident.SlackRef{}, o.askErr
	}
	o.asked = append(o.asked, n)
	return incident.SlackRef{ChannelID: channel, MessageTS: "1.000001", ThreadTS: "1.000001"}, nil
}

func (o *office) EditApproval(_ context.Context, _ incident.SlackRef, n contract.ApprovalNotice) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.edits = append(o.edits, n.Status)
	return nil
}

func (o *office) RemindApproval(context.Context, incident.SlackRef, contract.ApprovalNotice) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reminded++
	return nil
}

func (o *office) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.auditErr != nil {
		return e, o.auditErr
	}
	o.log = append(o.log, e)
	return e, nil
}

func (o *office) Apply(_ context.Context, ref string, c contract.Change, _, approvedBy audit.Actor) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refs = append(o.refs, ref)
	if len(o.applyErr) > 0 {
		err := o.applyErr[0]
		o.applyErr = o.applyErr[1:]
		return err
	}
	o.applied, o.approver = append(o.applied, c), approvedBy
	return nil
}

// Open is a cipher that only turns text around, and checks what it is bound to.
func (o *office) Open(sealed, associated []byte) ([]byte, error) {
	if string(associated) != "nerve/approval/0a1b2c" {
		return nil, errors.New("bound to something else")
	}
	return []byte(strings.TrimPrefix(string(sealed), "sealed:")), nil
}

func (o *office) actions() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, e := range o.log {
		all = append(all, e.Action)
	}
	return all
}

// request is an approval in the SDK's test environment.
type request struct {
	*office
	t       *testing.T
	env     *stage
	in      contract.ApprovalInput
	refused []error
}

var (
	alex  = audit.Actor{Person: "alex@example.com", Via: audit.ViaCLI}
	robin = audit.Actor{Person: "robin@example.com", Via: audit.ViaSlack}
)

func newRequest(t *testing.T) *request {
	t.Helper()
	o, w := &office{}, &world{}
	env := newStage(t, activities.Deps{
		Slack: w, Recorder: w, Windows: w, Scrubber: plain{}, Analyst: analysis.Rules{},
		Approvals: o, Changer: o, Auditor: o, Opener: o,
	})
	start := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	env.SetStartTime(start)
	return &request{office: o, t: t, env: env, in: contract.ApprovalInput{
		ID: "0a1b2c", RequestedBy: alex, RequestedAt: start, Deadline: start.Add(24 * time.Hour), Channel: "C0ALERTS01",
		Why: "a new source", Sealed: []byte("sealed:the new secret"),
		Change: contract.Change{Action: contract.ActionSourceAdd, Target: "billing", Fields: map[string]any{"provider": "datadog"}, Reason: "moved"},
	}}
}

// rules lets somebody decide after a while, and keeps the refusal.
func (r *request) rules(after time.Duration, ruling contract.Ruling) {
	r.env.RegisterDelayedCallback(func() {
		r.env.UpdateWorkflow(contract.UpdateDecide, "", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { r.refused = append(r.refused, err) },
			OnComplete: func(_ any, err error) { assert.NoError(r.t, err) },
		}, ruling)
	}, after)
}

func (r *request) run() contract.ApprovalState {
	r.env.ExecuteWorkflow(contract.WorkflowApprove, r.in)
	require.True(r.t, r.env.IsWorkflowCompleted())
	v, err := r.env.QueryWorkflow(contract.QueryApproval)
	require.NoError(r.t, err)
	var state contract.ApprovalState
	require.NoError(r.t, v.Get(&state))
	return state
}

func TestAGrantedChangeIsMade(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.applyErr = []error{errPassing, errPassing}
	r.rules(time.Hour, contract.Ruling{Actor: robin, Grant: true, Reason: "fine"})
	state := r.run()
	require.NoError(t, r.env.GetWorkflowError())
	assert.Equal(t, contract.ApprovalApplied, state.Status)
	assert.Equal(t, robin, state.Ruling.Actor)
	assert.False(t, state.EndedAt.IsZero())
	require.Len(t, r.applied, 1)
	assert.Equal(t, "the new secret", r.applied[0].Secret)
	assert.Equal(t, robin, r.approver)
	assert.Len(t, r.refs, 3, "what fails in passing is tried again")
	assert.Equal(t, r.refs[0], r.refs[2], "under one name, so that it is made once")
	assert.NotEmpty(t, r.refs[0])
	assert.Equal(t, []string{contract.AuditApprovalRequest, contract.AuditApprovalGrant}, r.actions())
	assert.Equal(t, alex, r.log[0].Actor)
	assert.Equal(t, robin, r.log[1].Actor)
	assert.NotEqual(t, r.log[0].Ref, r.log[1].Ref)
	require.Len(t, r.asked, 1)
	assert.Equal(t, contract.ApprovalWaiting, r.asked[0].Status)
	assert.NotEmpty(t, r.asked[0].RunID)
	assert.Equal(t, contract.ApprovalApplied, r.edits[len(r.edits)-1])
	assert.Zero(t, r.reminded)
}

// TestWhichSecretIsSaid: whoever approves sees whether it is the old one that goes.
func TestWhichSecretIsSaid(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.in.Change = contract.Change{Action: contract.ActionSecretRemove, Target: "billing", SecretID: "3990418e", Force: true}
	r.in.Sealed = nil
	r.rules(time.Hour, contract.Ruling{Actor: robin})
	state := r.run()
	assert.Equal(t, "secret 3990418e, although a sender still uses it", state.Removes())
	assert.Equal(t, state.Removes(), r.asked[0].Removes())
	assert.Equal(t, state.Removes(), r.log[0].Detail["removes"])
}

func TestADeniedChangeIsNotMade(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.rules(time.Hour, contract.Ruling{Actor: robin, Reason: "not on a Friday"})
	state := r.run()
	require.NoError(t, r.env.GetWorkflowError())
	assert.Equal(t, contract.ApprovalDenied, state.Status)
	assert.Empty(t, r.refs)
	assert.Equal(t, []string{contract.AuditApprovalRequest, contract.AuditApprovalDeny}, r.actions())
	assert.Equal(t, "not on a Friday", r.log[1].Detail["reason"])
	assert.Equal(t, []contract.ApprovalStatus{contract.ApprovalDenied}, r.edits)
}

func TestNobodyDecides(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	var remindedBefore, remindedAfter int
	r.env.RegisterDelayedCallback(func() { remindedBefore = r.reminded }, 11*time.Hour)
	r.env.RegisterDelayedCallback(func() { remindedAfter = r.reminded }, 13*time.Hour)
	state := r.run()
	require.NoError(t, r.env.GetWorkflowError())
	assert.Equal(t, contract.ApprovalExpired, state.Status)
	assert.Equal(t, r.in.Deadline, state.EndedAt)
	assert.Empty(t, r.refs)
	assert.Equal(t, []string{contract.AuditApprovalRequest, contract.AuditApprovalExpire}, r.actions())
	assert.Equal(t, audit.ViaSystem, r.log[1].Actor.Via)
	assert.Zero(t, remindedBefore)
	assert.Equal(t, 1, remindedAfter)
	assert.Equal(t, 1, r.reminded)
	assert.Equal(t, []contract.ApprovalStatus{contract.ApprovalExpired}, r.edits)
}

func TestWhoCannotDecide(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ruling contract.Ruling
		kind   string
	}{
		"whoever asked":              {contract.Ruling{Actor: alex, Grant: true}, contract.RefusedRequester},
		"the same in another way":    {contract.Ruling{Actor: audit.Actor{Person: " ALEX@example.com", Via: audit.ViaSlack}, Grant: true}, contract.RefusedRequester},
		"maybe whoever asked":        {contract.Ruling{Actor: audit.Actor{Person: "sub:u1", Via: audit.ViaAPI}, Grant: true}, contract.RefusedRequester},
		"nobody":                     {contract.Ruling{Actor: audit.Actor{Person: " ", Via: audit.ViaCLI}, Grant: true}, contract.RefusedNobody},
		"somebody by no way":         {contract.Ruling{Actor: audit.Actor{Person: "robin"}, Grant: true}, contract.RefusedNobody},
		"a program":                  {contract.Ruling{Actor: audit.Actor{Person: "nerve", Via: audit.ViaSystem}, Grant: true}, contract.RefusedNobody},
		"nobody, to deny":            {contract.Ruling{}, contract.RefusedNobody},
		"whoever asked, as they are": {contract.Ruling{Actor: audit.Actor{Person: alex.Person, Via: audit.ViaAPI, Credential: "t1"}, Grant: true}, contract.RefusedRequester},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t)
			r.rules(time.Hour, tt.ruling)
			state := r.run()
			require.Len(t, r.refused, 1)
			var app *temporal.ApplicationError
			require.ErrorAs(t, r.refused[0], &app)
			assert.Equal(t, tt.kind, app.Type())
			assert.Equal(t, contract.ApprovalExpired, state.Status, "it went on waiting")
			assert.Empty(t, r.refs)
		})
	}
}

func TestWhoeverAskedTakesItBack(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.rules(time.Hour, contract.Ruling{Actor: alex})
	assert.Equal(t, contract.ApprovalDenied, r.run().Status)
	assert.Empty(t, r.refused)
}

func TestTheFirstDecisionCounts(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.applyErr = []error{errPassing, errPassing, errPassing}
	r.rules(time.Hour, contract.Ruling{Actor: robin, Grant: true})
	r.rules(time.Hour+time.Second, contract.Ruling{Actor: audit.Actor{Person: "kim", Via: audit.ViaCLI}})
	state := r.run()
	require.Len(t, r.refused, 1)
	var app *temporal.ApplicationError
	require.ErrorAs(t, r.refused[0], &app)
	assert.Equal(t, contract.RefusedDecided, app.Type())
	assert.Contains(t, app.Message(), "robin@example.com")
	assert.Equal(t, contract.ApprovalApplied, state.Status)
	assert.Equal(t, robin, state.Ruling.Actor)
}

func TestAGrantedChangeThatCannotBeMade(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.applyErr = []error{final{"sources/conflict"}}
	r.rules(time.Hour, contract.Ruling{Actor: robin, Grant: true})
	state := r.run()
	var app *temporal.ApplicationError
	require.ErrorAs(t, r.env.GetWorkflowError(), &app)
	assert.Equal(t, contract.ErrorNotApplied, app.Type(), "it fails where people see it")
	assert.Equal(t, contract.ApprovalFailed, state.Status)
	assert.Contains(t, state.Failure, "sources/conflict")
	assert.Len(t, r.refs, 1, "what no retry mends is not tried again")
	assert.Equal(t, []string{contract.AuditApprovalRequest, contract.AuditApprovalGrant, contract.AuditApprovalFail}, r.actions())
	assert.Equal(t, contract.ApprovalFailed, r.edits[len(r.edits)-1])
}

func TestNothingIsChangedWithoutTheAuditLog(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.auditErr = final{"record/broken"}
	r.rules(time.Hour, contract.Ruling{Actor: robin, Grant: true})
	state := r.run()
	require.Error(t, r.env.GetWorkflowError())
	assert.Equal(t, contract.ApprovalFailed, state.Status)
	assert.Empty(t, r.refs)
}

func TestSlackIsNotNeededToDecide(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*request){
		"no channel": func(r *request) { r.in.Channel = "" },
		"away":       func(r *request) { r.askErr = errPassing },
		"no such":    func(r *request) { r.askErr = final{"slack/channel_not_found"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(t)
			spoil(r)
			r.rules(time.Hour, contract.Ruling{Actor: robin, Grant: true})
			assert.Equal(t, contract.ApprovalApplied, r.run().Status)
			require.NoError(t, r.env.GetWorkflowError())
			assert.Empty(t, r.edits)
			assert.Zero(t, r.reminded)
		})
	}
}

func TestACancelledApprovalChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.env.RegisterDelayedCallback(r.env.CancelWorkflow, time.Hour)
	state := r.run()
	var canceled *temporal.CanceledError
	require.ErrorAs(t, r.env.GetWorkflowError(), &canceled)
	assert.Equal(t, contract.ApprovalDenied, state.Status)
	assert.Empty(t, r.refs)
	assert.Equal(t, []string{contract.AuditApprovalRequest, contract.AuditApprovalDeny}, r.actions())
	assert.Equal(t, []contract.ApprovalStatus{contract.ApprovalDenied}, r.edits)
}

// The secret is nowhere but where the change is made.
func TestTheSecretIsNotShown(t *testing.T) {
	t.Parallel()
	r := newRequest(t)
	r.in.Sealed, r.in.Change.Secret = nil, "the new secret"
	r.rules(time.Hour, contract.Ruling{Actor: robin, Grant: true})
	state := r.run()
	require.Len(t, r.applied, 1)
	assert.Equal(t, "the new secret", r.applied[0].Secret)
	for _, shown := range []any{state, r.asked, r.log} {
		assert.NotContains(t, encoded(t, shown), "the new secret")
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}
