package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Approvals is where a second person is asked.
type Approvals interface {
	// AskApproval posts the request unless it is there, and returns where it is.
	AskApproval(ctx context.Context, channel string, n contract.ApprovalNotice) (incident.SlackRef, error)
	// EditApproval makes the message show how the approval stands.
	EditApproval(ctx context.Context, ref incident.SlackRef, n contract.ApprovalNotice) error
	// RemindApproval says once, in the message's thread, that nobody has decided.
	RemindApproval(ctx context.Context, ref incident.SlackRef, n contract.ApprovalNotice) error
}

// Changer makes a change to what nerve works with, with its entry in the audit
// log. ref names the request: one that was carried out before is not carried out
// again. What no retry mends, such as a source that was changed meanwhile, is an
// error that says so, see classified.
type Changer interface {
	Apply(ctx context.Context, ref string, c contract.Change, requestedBy, approvedBy audit.Actor) error
}

// Auditor keeps the audit log. An entry whose Ref is there already is not added.
type Auditor interface {
	AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error)
}

// Opener decrypts what was sealed for its associated data.
type Opener interface {
	Open(sealed, associated []byte) ([]byte, error)
}

// ErrorNotSetUp is the type of the error of a worker that lacks what an approval
// needs.
const ErrorNotSetUp = "approval/not_set_up"

func notSetUp(what string) error {
	return temporal.NewNonRetryableApplicationError("this worker has no "+what, ErrorNotSetUp, nil)
}

// ApprovalMessage is a message about an approval.
type ApprovalMessage struct {
	WorkflowID string                 `json:"workflow_id"`
	RunID      string                 `json:"run_id"`
	Channel    string                 `json:"channel"`
	Known      *incident.SlackRef     `json:"known,omitempty"`
	State      contract.ApprovalState `json:"state"`
	Salt       []byte                 `json:"salt,omitempty"`
}

func (a *Activities) notice(in ApprovalMessage) contract.ApprovalNotice {
	return contract.ApprovalNotice{ApprovalState: in.State, RunID: in.RunID, WorkflowURL: a.workflowURL(in.WorkflowID)}
}

// AskApproval posts the request for a second person, with its two buttons. It
// looks for an earlier one first, so a repeat never posts twice.
func (a *Activities) AskApproval(ctx context.Context, in ApprovalMessage) (incident.SlackRef, error) {
	if a.deps.Approvals == nil {
		return incident.SlackRef{}, noSlack()
	}
	ref, err := a.deps.Approvals.AskApproval(ctx, in.Channel, a.notice(in))
	return ref, a.failed(in.Salt, "ask for an approval", err)
}

// EditApproval makes the message show how the approval stands; what is decided
// has no buttons any more.
func (a *Activities) EditApproval(ctx context.Context, in ApprovalMessage) error {
	if a.deps.Approvals == nil {
		return noSlack()
	}
	if in.Known == nil {
		return nil
	}
	err := a.deps.Approvals.EditApproval(ctx, *in.Known, a.notice(in))
	return a.failed(in.Salt, "edit the request for an approval", err)
}

// RemindApproval says in the message's thread that nobody has decided yet.
func (a *Activities) RemindApproval(ctx context.Context, in ApprovalMessage) error {
	if a.deps.Approvals == nil {
		return noSlack()
	}
	if in.Known == nil {
		return nil
	}
	err := a.deps.Approvals.RemindApproval(ctx, *in.Known, a.notice(in))
	return a.failed(in.Salt, "remind of an approval", err)
}

// ApprovalEntry is something that happened to an approval.
type ApprovalEntry struct {
	WorkflowID string                 `json:"workflow_id"`
	RunID      string                 `json:"run_id"`
	Action     string                 `json:"action"` // as contract.AuditApprovalRequest
	Actor      audit.Actor            `json:"actor"`
	State      contract.ApprovalState `json:"state"`
	Salt       []byte                 `json:"salt,omitempty"`
}

// RecordApproval writes into the audit log what happened to an approval, once.
func (a *Activities) RecordApproval(ctx context.Context, in ApprovalEntry) error {
	if a.deps.Auditor == nil {
		return notSetUp("audit log")
	}
	s := in.State
	detail := map[string]string{"approval": s.ID, "change": string(s.Action), "requested_by": s.RequestedBy.Person}
	set := func(name, v string) {
		if v != "" {
			detail[name] = v
		}
	}
	switch in.Action {
	case contract.AuditApprovalRequest:
		set("why", s.Why)
		set("reason", s.Reason)
		set("removes", s.Removes())
		set("deadline", s.Deadline.UTC().Format("2006-01-02T15:04:05Z"))
		for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
			set("field."+name, incident.Cut(fmt.Sprint(s.Fields[name]), maxDetail))
		}
	case contract.AuditApprovalGrant, contract.AuditApprovalDeny:
		if s.Ruling != nil {
			set("reason", s.Ruling.Reason)
		}
		set("failure", s.Failure)
	default:
		set("failure", s.Failure)
	}
	_, err := a.deps.Auditor.AppendAudit(ctx, audit.Entry{
		Ref: in.WorkflowID + "/" + in.RunID + "/" + in.Action, Actor: in.Actor, Action: in.Action, Target: s.Target, Detail: detail,
	})
	return a.failed(in.Salt, "write the audit log", err)
}

// maxDetail bounds a field's value in the audit log, in characters.
const maxDetail = 500

// ApplyInput is a change that was granted.
type ApplyInput struct {
	ID          string          `json:"id"`
	Ref         string          `json:"ref"` // names the request, see Changer
	Change      contract.Change `json:"change"`
	Sealed      []byte          `json:"sealed,omitempty"` // its secret
	RequestedBy audit.Actor     `json:"requested_by"`
	ApprovedBy  audit.Actor     `json:"approved_by"`
	Salt        []byte          `json:"salt,omitempty"`
}

// ApplyChange makes the change. Being tried again makes it once.
func (a *Activities) ApplyChange(ctx context.Context, in ApplyInput) error {
	if a.deps.Changer == nil {
		return notSetUp("registry of sources")
	}
	change := in.Change
	if len(in.Sealed) > 0 {
		if a.deps.Opener == nil {
			return notSetUp("keyset")
		}
		secret, err := a.deps.Opener.Open(in.Sealed, contract.ApprovalContext(in.ID))
		if err != nil {
			// The error is the cipher's and says nothing; another keyset may be there later.
			return a.failed(in.Salt, "read the sealed secret: is this the keyset that it was asked with?", err)
		}
		change.Secret = string(secret)
	}
	return a.failed(in.Salt, "make the change", a.deps.Changer.Apply(ctx, in.Ref, change, in.RequestedBy, in.ApprovedBy))
}
