package operator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("operator: no such incident")
	ErrState    = errors.New("operator: the incident is not in a state for this")
)

// maxScan is how many of the newest incidents are searched for an incident id.
const maxScan = 2000

// Operator works on the incidents of one Temporal namespace.
type Operator struct {
	client    client.Client
	converter converter.DataConverter
	namespace string
}

// New returns an operator. The converter must be the one that the client uses.
func New(c client.Client, dc converter.DataConverter, namespace string) *Operator {
	return &Operator{client: c, converter: dc, namespace: namespace}
}

// Incident is one incident as an operator sees it.
type Incident struct {
	ID         string    `json:"id"`
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	Title      string    `json:"title"`
	Source     string    `json:"source"`
	Severity   string    `json:"severity"`
	Status     string    `json:"status"`
	Phase      string    `json:"phase"`
	Execution  string    `json:"execution"` // Temporal's status: Running, Completed, Failed, …
	OpenedAt   time.Time `json:"opened_at"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
}

// Filter bounds a list.
type Filter struct {
	Limit  int
	Source string // a source's name, or "" for all
	Status string // firing, acknowledged, resolved, or "" for all
	Open   bool   // only those that run
	Failed bool   // only those that failed
}

// List returns incidents, the one opened last first. Of an incident that was
// rerun only the newest run is listed. Temporal lists what runs before what has
// ended, so more are read than asked for and then ordered.
func (o *Operator) List(ctx context.Context, f Filter) ([]Incident, error) {
	newest := map[string]Incident{}
	err := o.scan(ctx, f.query(), func(i Incident) bool {
		if known, ok := newest[i.ID]; !ok || i.OpenedAt.After(known.OpenedAt) {
			newest[i.ID] = i
		}
		return true
	})
	found := slices.SortedFunc(maps.Values(newest), func(a, b Incident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	return found[:min(len(found), f.Limit)], err
}

func (f Filter) query() string {
	parts := []string{fmt.Sprintf("WorkflowType = %q", contract.WorkflowTriage)}
	if f.Source != "" {
		parts = append(parts, fmt.Sprintf("%s = %s", contract.AttrSource, quote(f.Source)))
	}
	if f.Status != "" {
		parts = append(parts, fmt.Sprintf("%s = %s", contract.AttrStatus, quote(f.Status)))
	}
	if f.Open {
		parts = append(parts, "ExecutionStatus = 'Running'")
	}
	if f.Failed {
		parts = append(parts, "ExecutionStatus = 'Failed'")
	}
	return strings.Join(parts, " AND ")
}

// quote makes a string literal of the visibility query language.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// scan calls each with the incidents of a query, newest first, until it returns false.
func (o *Operator) scan(ctx context.Context, query string, each func(Incident) bool) error {
	var page []byte
	for seen := 0; seen < maxScan; {
		resp, err := o.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: o.namespace, Query: query, PageSize: 100, NextPageToken: page,
		})
		if err != nil {
			return fmt.Errorf("operator: list incidents: %w", err)
		}
		for _, info := range resp.GetExecutions() {
			seen++
			if !each(o.incident(info)) {
				return nil
			}
		}
		if page = resp.GetNextPageToken(); len(page) == 0 {
			return nil
		}
	}
	return nil
}

// Find returns the newest incident with an incident id or a workflow id.
func (o *Operator) Find(ctx context.Context, id string) (Incident, error) {
	if strings.Contains(id, ":") {
		d, err := o.client.DescribeWorkflowExecution(ctx, id, "")
		if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
			return Incident{}, fmt.Errorf("%w: %s", ErrNotFound, id)
		}
		if err != nil {
			return Incident{}, fmt.Errorf("operator: find incident: %w", err)
		}
		return o.incident(d.GetWorkflowExecutionInfo()), nil
	}
	var found *Incident
	err := o.scan(ctx, Filter{}.query(), func(i Incident) bool {
		if i.ID == id {
			found = &i
		}
		return found == nil
	})
	if err != nil {
		return Incident{}, err
	}
	if found == nil {
		return Incident{}, fmt.Errorf("%w: %s (nerve incidents list shows what there is)", ErrNotFound, id)
	}
	return *found, nil
}

// Detail is an incident with what its workflow knows.
type Detail struct {
	Incident
	State   *contract.TriageState `json:"state,omitempty"`
	Failure string                `json:"failure,omitempty"`
	Step    string                `json:"failed_step,omitempty"`
	// Unread says why State is missing: a query needs a worker that is up.
	Unread string `json:"unread,omitempty"`
}

// Show returns an incident with its state, verdict and failure.
func (o *Operator) Show(ctx context.Context, id string) (Detail, error) {
	i, err := o.Find(ctx, id)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Incident: i}
	if i.Execution == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED.String() {
		if d.Step, d.Failure, _, err = o.failure(ctx, i); err != nil {
			return Detail{}, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	v, err := o.client.QueryWorkflow(ctx, i.WorkflowID, i.RunID, contract.QueryState)
	if err != nil {
		d.Unread = "no worker answered within 5 s: " + err.Error()
		return d, nil
	}
	var state contract.TriageState
	if err := v.Get(&state); err != nil {
		return Detail{}, fmt.Errorf("operator: read the incident's state: %w", err)
	}
	d.State = &state
	return d, nil
}

// Acknowledge tells the incident that somebody is on it.
func (o *Operator) Acknowledge(ctx context.Context, id string, d contract.Decision) (contract.TriageState, error) {
	return o.update(ctx, id, contract.UpdateAcknowledge, d)
}

// Resolve closes the incident.
func (o *Operator) Resolve(ctx context.Context, id string, d contract.Decision) (contract.TriageState, error) {
	return o.update(ctx, id, contract.UpdateResolve, d)
}

func (o *Operator) update(ctx context.Context, id, name string, d contract.Decision) (contract.TriageState, error) {
	var state contract.TriageState
	i, err := o.Find(ctx, id)
	if err != nil {
		return state, err
	}
	if i.Execution != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING.String() {
		return state, fmt.Errorf("%w: %s has ended (%s)", ErrState, i.ID, strings.ToLower(i.Execution))
	}
	h, err := o.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: i.WorkflowID, RunID: i.RunID, UpdateName: name, Args: []any{d},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = h.Get(ctx, &state)
	}
	if err != nil {
		return state, fmt.Errorf("operator: %s %s: %w", name, i.ID, err)
	}
	return state, nil
}

func (o *Operator) incident(info *workflowpb.WorkflowExecutionInfo) Incident {
	attr := func(name string) string {
		return o.text(info.GetSearchAttributes().GetIndexedFields()[name], converter.GetDefaultDataConverter())
	}
	memo := func(name string) string { return o.text(info.GetMemo().GetFields()[name], o.converter) }
	i := Incident{
		ID:         memo(contract.MemoIncidentID),
		WorkflowID: info.GetExecution().GetWorkflowId(),
		RunID:      info.GetExecution().GetRunId(),
		Title:      memo(contract.MemoTitle),
		Source:     attr(contract.AttrSource),
		Severity:   attr(contract.AttrSeverity),
		Status:     attr(contract.AttrStatus),
		Phase:      attr(contract.AttrPhase),
		Execution:  info.GetStatus().String(),
		OpenedAt:   info.GetStartTime().AsTime(),
	}
	if info.GetCloseTime() != nil {
		i.ClosedAt = info.GetCloseTime().AsTime()
	}
	return i
}

// text reads a string payload, or says that it cannot.
func (o *Operator) text(p *commonpb.Payload, dc converter.DataConverter) string {
	if p == nil {
		return ""
	}
	var s string
	if err := dc.FromPayload(p, &s); err != nil {
		return incident.Cut("(unreadable: is this the right keyset?)", 60)
	}
	return s
}
