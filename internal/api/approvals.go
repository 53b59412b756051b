package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

const tagApprovals = "approvals"

// Approvals are asked for, looked at and decided. Package approval does.
type Approvals interface {
	Submit(ctx context.Context, c contract.Change, why string, by audit.Actor) (string, error)
	List(ctx context.Context, f approval.Filter) ([]approval.Approval, error)
	Show(ctx context.Context, id string) (approval.Detail, error)
	Decide(ctx context.Context, id string, r contract.Ruling) (contract.ApprovalState, error)
}

type approvalsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Open   bool   `query:"open" doc:"Only those that wait for somebody"`
	Status string `query:"status" enum:"waiting,granted,applied,denied,expired,failed"`
	Target string `query:"target" maxLength:"40" doc:"Only those about a source"`
}

type approvalsOutput struct{ Body page[approval.Approval] }

type approvalOutput struct{ Body approval.Detail }

type decideInput struct {
	Named
	Body *decided `required:"false"`
}

type decidedOutput struct{ Body contract.ApprovalState }

func (s *Server) approvals() {
	add(s, operation{
		method: http.MethodGet, path: "/approvals", id: "listApprovals", tag: tagApprovals, scope: access.Read,
		summary: "List requests for a second person, the newest first",
	}, func(ctx context.Context, in *approvalsInput) (*approvalsOutput, error) {
		found, err := s.deps.Approvals.List(ctx, approval.Filter{
			Limit: in.Limit, Open: in.Open, Status: contract.ApprovalStatus(in.Status), Target: in.Target,
		})
		if err != nil {
			return nil, approvalProblem(err)
		}
		return &approvalsOutput{page[approval.Approval]{Items: append(make([]approval.Approval, 0, len(found)), found...)}}, nil
	})
	add(s, operation{
		method: http.MethodGet, path: "/approvals/{id}", id: "showApproval", tag: tagApprovals, scope: access.Read,
		summary: "Show what is asked for and how it stands", errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *Named) (*approvalOutput, error) {
		d, err := s.deps.Approvals.Show(ctx, in.ID)
		if err != nil {
			return nil, approvalProblem(err)
		}
		return &approvalOutput{d}, nil
	})
	for _, d := range []struct {
		name, id, summary string
		grant             bool
	}{
		{"grant", "grantApproval", "Approve a change that somebody else has asked for", true},
		{"deny", "denyApproval", "Refuse a change, or take back one's own request", false},
	} {
		add(s, operation{
			method: http.MethodPost, path: "/approvals/{id}/" + d.name, id: d.id, tag: tagApprovals, scope: access.Admin,
			summary: d.summary, errors: []int{http.StatusNotFound},
		}, func(ctx context.Context, in *decideInput) (*decidedOutput, error) {
			ruling := contract.Ruling{Actor: actor(ctx), Grant: d.grant}
			if in.Body != nil {
				ruling.Reason = in.Body.Reason
			}
			state, err := s.deps.Approvals.Decide(ctx, in.ID, ruling)
			if err != nil {
				return nil, approvalProblem(err)
			}
			return &decidedOutput{state}, nil
		})
	}
}

// approvalProblem says why an approval cannot be had, or not be decided so.
func approvalProblem(err error) error {
	switch {
	case errors.Is(err, approval.ErrNotFound):
		return notFound("There is no such approval.")
	case errors.Is(err, approval.ErrDecided):
		return fail(http.StatusConflict, codeState, "The approval waits for nobody any more.")
	case errors.Is(err, approval.ErrRequester):
		return fail(http.StatusForbidden, codeScope, "Whoever asks for a change cannot grant it. Between a login without an e-mail address and one with, nobody can tell two people from one.")
	case errors.Is(err, approval.ErrNobody):
		return fail(http.StatusForbidden, codeScope, "You are not among the people who can decide (people in the configuration).")
	case errors.Is(err, approval.ErrChange):
		return fail(http.StatusBadRequest, codeInvalid, "This cannot be asked for as it is.")
	case errors.Is(err, approval.ErrNoWorker):
		return away("No worker answered.")
	}
	return err
}
