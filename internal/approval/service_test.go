package approval_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

var secret = strings.Repeat("planted", 6)

func change() contract.Change {
	return contract.Change{
		Action: contract.ActionSourceAdd, Target: "billing", Fields: map[string]any{"provider": "datadog", "window": "15m"},
		Secret: secret, Reason: "moved",
	}
}

func TestSubmitAsksOnce(t *testing.T) {
	t.Parallel()
	s, f := setup(t)
	id, err := s.Submit(t.Context(), change(), "a new source", audit.Actor{Person: "ALEX", Via: audit.ViaCLI})
	require.NoError(t, err)
	require.Len(t, f.runs, 1)
	r := f.runs[0]
	assert.Equal(t, "approval:"+id, r.options.ID)
	assert.Equal(t, contract.QueueTriage, r.options.TaskQueue)
	assert.Equal(t, start.Add(24*time.Hour), r.in.Deadline)
	assert.Equal(t, "alex@example.com", r.in.RequestedBy.Person, "one person has one name")
	assert.Equal(t, "C0ALERTS01", r.in.Channel)

	again := change()
	again.Reason, again.Secret = "another", strings.Repeat("other", 8)
	_, err = s.Submit(t.Context(), again, "a new source", robin)
	require.ErrorIs(t, err, approval.ErrOpen)
	var open *approval.OpenError
	require.ErrorAs(t, err, &open)
	assert.Equal(t, id, open.ID)
	require.ErrorContains(t, err, "nerve approvals show "+id)

	other := change()
	other.Fields["window"] = "5m"
	second, err := s.Submit(t.Context(), other, "a new source", alex)
	require.NoError(t, err)
	assert.NotEqual(t, id, second)

	r.closed = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	_, err = s.Submit(t.Context(), change(), "a new source", alex)
	require.NoError(t, err, "what was denied may be asked for again")
}

// Neither what is in the clear nor what a reader of payloads sees has the secret.
func TestTheSecretIsSealed(t *testing.T) {
	t.Parallel()
	keyset, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	sealer, err := privacy.NewSealer(keyset)
	require.NoError(t, err)
	s, f := setup(t, func(o *approval.Options) { o.Sealer = sealer })
	id, err := s.Submit(t.Context(), change(), "a new source", alex)
	require.NoError(t, err)
	r := f.runs[0]
	for _, v := range []any{r.in, r.options.Memo, r.options.StaticDetails, r.options.StaticSummary, r.options.ID} {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), "planted")
	}
	got, err := sealer.Open(r.in.Sealed, contract.ApprovalContext(id))
	require.NoError(t, err)
	assert.Equal(t, secret, string(got))
	_, err = sealer.Open(r.in.Sealed, contract.ApprovalContext("another"))
	require.Error(t, err, "it is bound to its approval")
	for name, v := range map[string]string{contract.AttrSource: "billing", contract.AttrStatus: "waiting"} {
		got, _ := r.options.TypedSearchAttributes.GetKeyword(sdktemporal.NewSearchAttributeKeyKeyword(name))
		assert.Equal(t, v, got)
	}
	assert.Equal(t, 2, r.options.TypedSearchAttributes.Size(), "nothing of a person is in the clear")

	bare, _ := setup(t, func(o *approval.Options) { o.Sealer = nil })
	_, err = bare.Submit(t.Context(), change(), "", alex)
	require.ErrorContains(t, err, "sealed")
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*contract.Change)
		by     audit.Actor
		is     error
	}{
		"nobody":                 {func(*contract.Change) {}, audit.Actor{Person: " ", Via: audit.ViaCLI}, approval.ErrNobody},
		"no action":              {func(c *contract.Change) { c.Action = "" }, alex, approval.ErrChange},
		"no target":              {func(c *contract.Change) { c.Target = "" }, alex, approval.ErrChange},
		"a secret in the fields": {func(c *contract.Change) { c.Fields["secrets"] = []string{secret} }, alex, approval.ErrChange},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := setup(t)
			c := change()
			tt.change(&c)
			_, err := s.Submit(t.Context(), c, "", tt.by)
			require.ErrorIs(t, err, tt.is)
			assert.NotContains(t, err.Error(), "planted")
			assert.Empty(t, f.runs)
		})
	}
}

func TestListAndShow(t *testing.T) {
	t.Parallel()
	now := start
	s, f := setup(t, func(o *approval.Options) { o.Now = func() time.Time { now = now.Add(time.Hour); return now } })
	first, err := s.Submit(t.Context(), change(), "a new source", alex)
	require.NoError(t, err)
	second, err := s.Submit(t.Context(), contract.Change{Action: contract.ActionSourceRemove, Target: "o'ld"}, "a removal", robin)
	require.NoError(t, err)
	list, err := s.List(t.Context(), approval.Filter{Open: true, Target: "o'ld"})
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, second, list[0].ID, "newest first")
	assert.Equal(t, first, list[1].ID)
	assert.Equal(t, "a new source", list[1].Why)
	assert.Equal(t, "moved", list[1].Reason)
	assert.Equal(t, alex, list[1].RequestedBy)
	assert.True(t, list[1].Open())
	assert.Equal(t, list[1].RequestedAt.Add(24*time.Hour), list[1].Deadline)
	for _, part := range []string{"'Approve'", "ExecutionStatus = 'Running'", "NerveStatus = 'waiting'", "NerveSource = 'o''ld'"} {
		assert.Contains(t, strings.ReplaceAll(f.queries[0], `"`, "'"), part)
	}

	f.state = &contract.ApprovalState{ID: first, Status: contract.ApprovalDenied}
	d, err := s.Show(t.Context(), "approval:"+first)
	require.NoError(t, err)
	assert.Equal(t, contract.ApprovalDenied, d.Status, "the workflow knows better than the list")
	f.queryErr = errors.New("nobody polls")
	d, err = s.Show(t.Context(), first)
	require.NoError(t, err)
	assert.Nil(t, d.State)
	assert.Contains(t, d.Unread, "no worker")
	_, err = s.Show(t.Context(), "nothing")
	require.ErrorIs(t, err, approval.ErrNotFound)
	_, err = s.Show(t.Context(), " ")
	require.ErrorIs(t, err, approval.ErrNotFound)
	f.down = serviceerror.NewUnavailable("down")
	_, err = s.List(t.Context(), approval.Filter{})
	require.ErrorIs(t, err, f.down)
}

func TestDecide(t *testing.T) {
	t.Parallel()
	s, f := setup(t)
	id, err := s.Submit(t.Context(), change(), "", alex)
	require.NoError(t, err)
	state, err := s.Decide(t.Context(), id, contract.Ruling{Actor: audit.Actor{Person: "Robin", Via: audit.ViaCLI}, Grant: true})
	require.NoError(t, err)
	assert.Equal(t, contract.ApprovalGranted, state.Status)
	require.Len(t, f.updates, 1)
	assert.Equal(t, "run-i", f.updates[0].RunID, "never another request for the same change")
	assert.Equal(t, []any{contract.Ruling{Actor: robin, Grant: true}}, f.updates[0].Args)
}

func TestDecisionsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	refused := func(kind string) error {
		return sdktemporal.NewNonRetryableApplicationError("it is so", kind, nil)
	}
	for name, tt := range map[string]struct {
		person  string
		prepare func(*temporal)
		is      error
		update  bool
	}{
		"nobody":             {" ", nil, approval.ErrNobody, false},
		"a stranger":         {"mallory", nil, approval.ErrNobody, false},
		"whoever asked":      {"robin", func(f *temporal) { f.updateErr = refused(contract.RefusedRequester) }, approval.ErrRequester, true},
		"decided before":     {"robin", func(f *temporal) { f.updateErr = refused(contract.RefusedDecided) }, approval.ErrDecided, true},
		"no person":          {"robin", func(f *temporal) { f.updateErr = refused(contract.RefusedNobody) }, approval.ErrNobody, true},
		"ended meanwhile":    {"robin", func(f *temporal) { f.updateErr = serviceerror.NewNotFound("completed") }, approval.ErrDecided, true},
		"is over":            {"robin", func(f *temporal) { f.runs[0].closed = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED }, approval.ErrDecided, false},
		"no worker":          {"robin", func(f *temporal) { f.slow = make(chan struct{}) }, approval.ErrNoWorker, true},
		"no such":            {"robin", func(f *temporal) { f.runs = nil }, approval.ErrNotFound, false},
		"temporal is not up": {"robin", func(f *temporal) { f.down = errDown }, errDown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := setup(t, func(o *approval.Options) { o.Patience = 10 * time.Millisecond })
			id, err := s.Submit(t.Context(), change(), "", alex)
			require.NoError(t, err)
			if tt.prepare != nil {
				tt.prepare(f)
			}
			_, err = s.Decide(t.Context(), id, contract.Ruling{Actor: audit.Actor{Person: tt.person, Via: audit.ViaCLI}, Grant: true})
			require.ErrorIs(t, err, tt.is)
			assert.Equal(t, tt.update, len(f.updates) == 1)
		})
	}
}

var errDown = errors.New("no way to Temporal")

func TestWithoutConfiguredPeopleAnybodyDecides(t *testing.T) {
	t.Parallel()
	s, _ := setup(t, func(o *approval.Options) { o.People = nil })
	id, err := s.Submit(t.Context(), change(), "", alex)
	require.NoError(t, err)
	_, err = s.Decide(t.Context(), id, contract.Ruling{Actor: audit.Actor{Person: "mallory", Via: audit.ViaCLI}, Grant: true})
	require.NoError(t, err)
}
