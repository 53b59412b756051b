package starter

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

var received = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// life is one run of a workflow id.
type life struct {
	id             string // of the incident
	opened, closed time.Duration
	running        bool
	occurrences    []string
	resolves       []string
	unreadable     bool
}

// lives is a Temporal that knows runs, the newest last, encrypted as nerve does.
type lives struct {
	t    *testing.T
	dc   converter.DataConverter
	runs []life
}

func (l lives) payload(v any, unreadable bool) *commonpb.Payload {
	dc := l.dc
	if unreadable {
		dc = encrypting(l.t)
	}
	p, err := dc.ToPayload(v)
	require.NoError(l.t, err)
	return p
}

func (l lives) info(n int) *workflowpb.WorkflowExecutionInfo {
	r := l.runs[n]
	i := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: string(rune('a' + n))},
		StartTime: timestamppb.New(received.Add(r.opened)), Status: enums.WORKFLOW_EXECUTION_STATUS_RUNNING,
		Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{contract.MemoIncidentID: l.payload(r.id, r.unreadable)}},
	}
	if !r.running {
		i.Status, i.CloseTime = enums.WORKFLOW_EXECUTION_STATUS_COMPLETED, timestamppb.New(received.Add(r.closed))
	}
	return i
}

// client answers as far as it is asked; what it must not be asked fails the test.
func (l lives) client(listErr error) *mocks.Client {
	c := mocks.NewClient(l.t)
	newest := len(l.runs) - 1
	c.On("DescribeWorkflowExecution", mock.Anything, "w", "").
		Return(&workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: l.info(newest)}, nil)
	var earlier []*workflowpb.WorkflowExecutionInfo
	for n, r := range l.runs {
		earlier = append(earlier, l.info(n))
		events := &history{events: l.events(r)}
		c.On("GetWorkflowHistory", mock.Anything, "w", string(rune('a'+n)), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Return(events).Maybe()
	}
	c.On("ListWorkflow", mock.Anything, mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
		return strings.HasPrefix(r.GetQuery(), "WorkflowId = 'w' AND CloseTime >= '2026-03-01T11:55:00Z'") && len(r.GetNextPageToken()) == 0
	})).Return(&workflowservice.ListWorkflowExecutionsResponse{NextPageToken: []byte("more")}, listErr).Maybe()
	c.On("ListWorkflow", mock.Anything, mock.Anything).
		Return(&workflowservice.ListWorkflowExecutionsResponse{Executions: earlier}, nil).Maybe()
	return c
}

// history is a run's, read once.
type history struct{ events []*historypb.HistoryEvent }

func (h *history) HasNext() bool { return len(h.events) > 0 }

func (h *history) Next() (*historypb.HistoryEvent, error) {
	e := h.events[0]
	h.events = h.events[1:]
	return e, nil
}

func (l lives) events(r life) []*historypb.HistoryEvent {
	all := []*historypb.HistoryEvent{{EventType: enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED}}
	signal := func(name string, at time.Duration, v any, unreadable bool) {
		all = append(all, &historypb.HistoryEvent{
			EventTime: timestamppb.New(received.Add(at)),
			Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
				WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
					SignalName: name, Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{l.payload(v, unreadable)}},
				},
			},
		})
	}
	signal(contract.SignalOccurrence, -time.Hour, contract.Occurrence{DeliveryID: "long ago"}, true)
	for _, d := range r.occurrences {
		signal(contract.SignalOccurrence, 0, contract.Occurrence{DeliveryID: d}, r.unreadable)
	}
	for _, d := range r.resolves {
		signal(contract.SignalResolved, 0, contract.Resolved{DeliveryID: d}, r.unreadable)
	}
	return all
}

func encrypting(t *testing.T) converter.DataConverter {
	t.Helper()
	keys, err := privacy.GenerateKeyset()
	require.NoError(t, err)
	dc, err := privacy.NewDataConverter(keys)
	require.NoError(t, err)
	return dc
}

func fires() contract.Command {
	return contract.Command{WorkflowID: "w", KeyKind: incident.KeyAlert, Start: &contract.TriageInput{
		ReceivedAt: received, Delivery: "d", Signal: incident.Signal{IncidentID: "mine"},
	}}
}

func TestPast(t *testing.T) {
	t.Parallel()
	start := fires()
	unnamed := fires()
	unnamed.Start.Delivery, unnamed.Start.Signal.RawPayload.DeliveryID = "", "d"
	again := contract.Command{WorkflowID: "w", KeyKind: incident.KeyAlert, Occurrence: &contract.Occurrence{DeliveryID: "d", At: received}, Fallback: start.Start}
	resolved := contract.Command{WorkflowID: "w", KeyKind: incident.KeyAlert, Resolved: &contract.Resolved{DeliveryID: "d", At: received}}
	const s = time.Second
	before := life{id: "theirs", opened: -2 * time.Hour, closed: -time.Hour, unreadable: true}
	for name, tc := range map[string]struct {
		cmd  contract.Command
		runs []life
		past bool
	}{
		"its incident has ended":                  {start, []life{before, {id: "mine", opened: s, closed: 2 * s}}, true},
		"its incident runs":                       {start, []life{{id: "mine", opened: s, running: true}}, false},
		"its incident was told and runs":          {start, []life{{id: "theirs", opened: s, closed: 2 * s}, {id: "mine", opened: 3 * s, running: true}}, false},
		"another life ended before it":            {start, []life{before}, false},
		"another life ends after it":              {start, []life{{id: "theirs", opened: -time.Hour, closed: s, unreadable: false}}, false},
		"another life runs since before":          {start, []life{{id: "theirs", opened: -time.Hour, running: true, unreadable: true}}, false},
		"a later life has ended too":              {start, []life{{id: "mine", opened: s, closed: 2 * s}, {id: "theirs", opened: 3 * s, closed: 4 * s}}, true},
		"a later life runs":                       {start, []life{{id: "mine", opened: s, closed: 2 * s}, {id: "theirs", opened: 3 * s, running: true}}, true},
		"a later life, and it never was":          {start, []life{before, {id: "theirs", opened: 3 * s, closed: 4 * s}}, false},
		"the clocks are apart":                    {start, []life{{id: "mine", opened: -time.Minute, closed: -time.Minute + s}}, true},
		"it became an occurrence":                 {start, []life{{id: "theirs", opened: -time.Hour, closed: s, occurrences: []string{"x", "d"}}}, true},
		"it became one, named by its own id":      {unnamed, []life{{id: "theirs", opened: -time.Hour, closed: s, occurrences: []string{"d"}}}, true},
		"an occurrence was told":                  {again, []life{{id: "theirs", opened: -time.Hour, closed: s, occurrences: []string{"d"}}}, true},
		"an occurrence was told, a later life":    {again, []life{{id: "theirs", opened: -time.Hour, closed: s, occurrences: []string{"d"}}, {id: "next", opened: 2 * s, running: true}}, true},
		"an occurrence was not told":              {again, []life{{id: "theirs", opened: -time.Hour, closed: s, occurrences: []string{"x"}, resolves: []string{"d"}}}, false},
		"an occurrence of one that runs":          {again, []life{{id: "theirs", opened: -time.Hour, running: true, occurrences: []string{"d"}}}, false},
		"a resolve was told, the alert is back":   {resolved, []life{{id: "theirs", opened: -time.Hour, closed: s, resolves: []string{"d"}}, {id: "next", opened: 2 * s, running: true}}, true},
		"a resolve was not told":                  {resolved, []life{{id: "theirs", opened: -time.Hour, running: true}}, false},
		"a resolve is not an occurrence it heard": {resolved, []life{{id: "theirs", opened: -time.Hour, closed: s, occurrences: []string{"d"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lives{t: t, dc: encrypting(t), runs: tc.runs}
			past, err := New(l.client(nil), Options{Converter: l.dc}).Past(t.Context(), tc.cmd)
			require.NoError(t, err)
			assert.Equal(t, tc.past, past)
		})
	}
}

// What cannot be known is asked again; only a Temporal that cannot list is taken
// at its newest run.
func TestPastFails(t *testing.T) {
	t.Parallel()
	closed := []life{{id: "mine", opened: time.Second, closed: 2 * time.Second, unreadable: true}}
	l := lives{t: t, dc: encrypting(t), runs: closed}
	_, err := New(l.client(nil), Options{Converter: l.dc}).Past(t.Context(), fires())
	require.ErrorIs(t, err, ErrUnavailable, "a memo without its key")

	l.runs = []life{{id: "theirs", opened: -time.Hour, closed: time.Second, occurrences: []string{"d"}, unreadable: true}}
	_, err = New(l.client(nil), Options{Converter: l.dc}).Past(t.Context(), fires())
	require.ErrorIs(t, err, ErrUnavailable, "a signal without its key")

	l.runs = []life{{id: "mine", opened: time.Second, closed: 2 * time.Second}, {id: "theirs", opened: 3 * time.Second, running: true}}
	_, err = New(l.client(serviceerror.NewUnavailable("away")), Options{Converter: l.dc}).Past(t.Context(), fires())
	require.ErrorIs(t, err, ErrUnavailable)
	past, err := New(l.client(serviceerror.NewUnimplemented("no visibility")), Options{Converter: l.dc}).Past(t.Context(), fires())
	require.NoError(t, err)
	assert.False(t, past)

	for cause, want := range map[error]error{
		serviceerror.NewUnavailable("away"): ErrUnavailable, serviceerror.NewNamespaceNotFound("x"): ErrPermanent,
		serviceerror.NewNotFound("no run"): nil,
	} {
		c := mocks.NewClient(t)
		c.On("DescribeWorkflowExecution", mock.Anything, "w", "").Return(nil, cause)
		past, err := New(c, Options{}).Past(t.Context(), fires())
		assert.False(t, past)
		assert.ErrorIs(t, err, want, "%v", cause)
	}
}

// Temporal refuses an event's second start itself, so nobody is asked.
func TestPastOfAnEvent(t *testing.T) {
	t.Parallel()
	past, err := New(mocks.NewClient(t), Options{}).Past(t.Context(), startCommand(incident.KeyEvent))
	require.NoError(t, err)
	assert.False(t, past)
	_, err = New(mocks.NewClient(t), Options{}).Past(t.Context(), contract.Command{WorkflowID: "w"})
	require.ErrorIs(t, err, ErrPermanent)
}

// The drainer asks before every command, so it asks no more than can matter.
func TestPastAsksLittle(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, runs := range map[string][]life{
		"ended before":      {{id: "theirs", opened: -2 * time.Hour, closed: -time.Hour}},
		"runs since before": {{id: "theirs", opened: -time.Hour, running: true}},
	} {
		l := lives{t: t, dc: encrypting(t), runs: runs}
		c := l.client(nil)
		_, err := New(c, Options{Converter: l.dc}).Past(t.Context(), fires())
		require.NoError(t, err, name)
		assert.Len(t, c.Calls, 1, name)
	}
	l := lives{t: t, dc: encrypting(t), runs: []life{{id: "theirs", opened: s, closed: 2 * s}, {id: "theirs", opened: 3 * s, closed: 4 * s}}}
	c := l.client(nil)
	_, err := New(c, Options{Converter: l.dc}).Past(t.Context(), fires())
	require.NoError(t, err)
	assert.Len(t, c.Calls, 5, "describe, two pages, and each history once")
}
