package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// maxScan is how many approvals a list looks through.
const maxScan = 1000

// Filter bounds a list.
type Filter struct {
	Limit  int                     // 50 by default
	Open   bool                    // only those that wait for somebody
	Status contract.ApprovalStatus // or "" for all
	Target string                  // a source's name, or "" for all
}

func (f Filter) query() string {
	parts := []string{fmt.Sprintf("WorkflowType = %q", contract.WorkflowApprove)}
	if f.Open {
		f.Status = contract.ApprovalWaiting
		parts = append(parts, "ExecutionStatus = 'Running'")
	}
	if f.Status != "" {
		parts = append(parts, contract.AttrStatus+" = "+quote(string(f.Status)))
	}
	if f.Target != "" {
		parts = append(parts, contract.AttrSource+" = "+quote(f.Target))
	}
	return strings.Join(parts, " AND ")
}

// quote makes a string literal of the visibility query language.
func quote(s string) string { return "'" + quoter.Replace(s) + "'" }

var quoter = strings.NewReplacer("'", "''", `\`, `\\`)

// List returns approvals, the one asked for last first. It needs no worker.
// Temporal's list may be some moments behind.
func (s *Service) List(ctx context.Context, f Filter) ([]Approval, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	found := []Approval{}
	var page []byte
	for len(found) < maxScan {
		resp, err := s.o.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: s.o.Namespace, Query: f.query(), PageSize: 100, NextPageToken: page,
		})
		if err != nil {
			return nil, fmt.Errorf("approval: list approvals: %w", err)
		}
		for _, info := range resp.GetExecutions() {
			found = append(found, s.approval(info))
		}
		if page = resp.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b Approval) int { return b.RequestedAt.Compare(a.RequestedAt) })
	return found[:min(len(found), f.Limit)], nil
}

// Show returns an approval with its state. Without a worker the state is left out.
func (s *Service) Show(ctx context.Context, id string) (Detail, error) {
	a, err := s.look(ctx, id)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Approval: a}
	state, err := s.state(ctx, a)
	if errors.Is(err, ErrNoWorker) {
		d.Unread = err.Error()
		return d, nil
	}
	if err != nil {
		return Detail{}, err
	}
	d.State, d.Status = &state, state.Status
	return d, nil
}

// look reads the newest run of an approval.
func (s *Service) look(ctx context.Context, id string) (Approval, error) {
	id = contract.ApprovalID(strings.TrimSpace(id))
	if id == "" {
		return Approval{}, fmt.Errorf("%w: the id is empty", ErrNotFound)
	}
	d, err := s.o.Client.DescribeWorkflowExecution(ctx, contract.ApprovalWorkflowID(id), "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return Approval{}, fmt.Errorf("%w: %s (nerve approvals list shows what there is)", ErrNotFound, id)
	}
	if err != nil {
		return Approval{}, fmt.Errorf("approval: find %s: %w", id, err)
	}
	return s.approval(d.GetWorkflowExecutionInfo()), nil
}

// state asks a worker how an approval stands, also one that is over.
func (s *Service) state(ctx context.Context, a Approval) (contract.ApprovalState, error) {
	var state contract.ApprovalState
	ctx, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	v, err := s.o.Client.QueryWorkflow(ctx, a.WorkflowID, a.RunID, contract.QueryApproval)
	if err != nil {
		return state, fmt.Errorf("%w within %s: %w", ErrNoWorker, s.o.Patience, err)
	}
	if err := v.Get(&state); err != nil {
		return state, fmt.Errorf("approval: read the state of %s: %w", a.ID, err)
	}
	return state, nil
}

func (s *Service) approval(info *workflowpb.WorkflowExecutionInfo) Approval {
	memo := func(name string, to any) {
		if p := info.GetMemo().GetFields()[name]; p != nil {
			// What another keyset wrote stays empty; its id and status can be read.
			_ = s.o.Converter.FromPayload(p, to)
		}
	}
	a := Approval{
		WorkflowID: info.GetExecution().GetWorkflowId(), RunID: info.GetExecution().GetRunId(), Execution: info.GetStatus().String(),
		Status: contract.ApprovalStatus(text(info.GetSearchAttributes().GetIndexedFields()[contract.AttrStatus])),
	}
	a.ID, a.FirstRunID = contract.ApprovalID(a.WorkflowID), info.GetFirstRunId()
	memo(contract.MemoAction, &a.Action)
	memo(contract.MemoTarget, &a.Target)
	memo(contract.MemoWhy, &a.Why)
	memo(contract.MemoReason, &a.Reason)
	memo(contract.MemoRequestedBy, &a.RequestedBy)
	memo(contract.MemoRequestedAt, &a.RequestedAt)
	memo(contract.MemoDeadline, &a.Deadline)
	if a.RequestedAt.IsZero() {
		a.RequestedAt = info.GetStartTime().AsTime()
	}
	if info.GetCloseTime() != nil {
		a.EndedAt = info.GetCloseTime().AsTime()
	}
	return a
}

// text reads a search attribute, which is in the clear.
func text(p *commonpb.Payload) string {
	var s string
	if p == nil || converter.GetDefaultDataConverter().FromPayload(p, &s) != nil {
		return ""
	}
	return s
}
