package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/registry"
)

// Sources are looked up and changed in the registry.
type Sources interface {
	List(ctx context.Context) ([]registry.View, error)
	Get(ctx context.Context, name string) (registry.View, error)
	Apply(ctx context.Context, o registry.Order) (registry.Applied, error)
}

// What a change came to.
const (
	changeApplied   = "applied"
	changeUnchanged = "unchanged"
	changeWaiting   = "waiting"
)

// Changed is what a change came to.
type Changed struct {
	Status     string   `json:"status" enum:"applied,unchanged,waiting" doc:"unchanged: it was so already; waiting: for a second person"`
	Source     string   `json:"source"`
	Revision   int64    `json:"registry_revision,omitempty" doc:"Of the registry; each ingest works with it within two seconds"`
	SecretID   string   `json:"secret_id,omitempty" doc:"Of a secret that was added"`
	AuditSeq   int64    `json:"audit_seq,omitempty" doc:"Its entry in the audit log"`
	ApprovalID string   `json:"approval_id,omitempty"`
	Why        string   `json:"why,omitempty" doc:"Which rule asks for a second person"`
	Warnings   []string `json:"warnings,omitempty"`
}

type changedOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     Changed
}

// change makes a change, or asks a second person for it.
func (s *Server) change(ctx context.Context, c contract.Change, ifMatch string, status int) (*changedOutput, error) {
	var p *Problem
	if c.Revision, p = revision(ifMatch); p != nil {
		return nil, p
	}
	by := actor(ctx)
	out := &changedOutput{Status: status, Location: Prefix + "/sources/" + c.Target, Body: Changed{Status: changeApplied, Source: c.Target}}
	if c.Action == contract.ActionSourceRemove {
		out.Location = ""
	}
	done, err := s.deps.Sources.Apply(ctx, registry.Order{Change: c, By: by})
	if second, ok := errors.AsType[*registry.SecondPersonError](err); ok {
		c.Revision = second.Revision // what is granted is a change of the source as it is now
		return s.ask(ctx, c, second.Why)
	}
	if errors.Is(err, registry.ErrUnchanged) {
		out.Status, out.Body.Status = http.StatusOK, changeUnchanged
		return out, nil
	}
	if err != nil {
		return nil, changeProblem(err, c.Revision > 0)
	}
	out.Body.Revision, out.Body.SecretID, out.Body.AuditSeq, out.Body.Warnings = done.Revision, done.SecretID, done.Entry.Seq, done.Warnings
	return out, nil
}

// ask submits a change for approval.
func (s *Server) ask(ctx context.Context, c contract.Change, why string) (*changedOutput, error) {
	id, err := s.deps.Approvals.Submit(ctx, c, why, actor(ctx))
	if open, ok := errors.AsType[*approval.OpenError](err); ok {
		p := fail(http.StatusConflict, codeState, "The same change waits for a second person already: approval "+open.ID+".")
		p.location = approvalLocation(open.ID)
		return nil, p
	}
	if err != nil {
		return nil, approvalProblem(err)
	}
	return &changedOutput{
		Status: http.StatusAccepted, Location: approvalLocation(id),
		Body: Changed{Status: changeWaiting, Source: c.Target, ApprovalID: id, Why: why},
	}, nil
}

func approvalLocation(id string) string { return Prefix + "/approvals/" + id }

// changeProblem says what is wrong with a change. The registry's errors are
// written for people and hold no secret.
func changeProblem(err error, seen bool) error {
	var mistakes config.Errors
	var conflict *registry.ConflictError
	var force *registry.ForceError
	var soon *record.PurgeError
	switch {
	case errors.As(err, &mistakes):
		fields := make([]incident.FieldError, len(mistakes))
		for i, m := range mistakes {
			fields[i] = incident.FieldError{Field: changeField(m.Key), Code: "invalid", Message: m.Problem + ". " + m.Fix + "."}
		}
		return invalid(fields...)
	case errors.As(err, &conflict) && seen:
		return fail(http.StatusPreconditionFailed, codeChanged, "The source was changed meanwhile: look at it again.")
	case errors.As(err, &conflict):
		return fail(http.StatusConflict, codeState, "The source was changed meanwhile: look at it again.")
	case errors.As(err, &force):
		return fail(http.StatusConflict, codeState, force.Why+" (force=true does it all the same)")
	case errors.As(err, &soon):
		p := fail(http.StatusTooManyRequests, codeLimited, "The windows were forgotten not long ago.")
		p.after = max(time.Second, time.Until(soon.Next))
		return p
	case errors.Is(err, registry.ErrNotFound):
		return notFound("There is no such source.")
	case errors.Is(err, registry.ErrExists):
		return fail(http.StatusConflict, codeState, "There is a source of that name already.")
	case errors.Is(err, registry.ErrReadOnly):
		return fail(http.StatusConflict, codeState, "The configuration file defines this source: change it there.")
	case errors.Is(err, registry.ErrSamePerson):
		return fail(http.StatusForbidden, codeScope, "Whoever asked for a change cannot approve it.")
	}
	return err
}

// changeField is where the request has what the registry calls key: all that it
// does not name itself is one of the fields.
func changeField(key string) string {
	switch key {
	case "name", "secret", "fields", "not_before", "not_after":
		return "body." + key
	case "secret_id":
		return "path.secret"
	}
	return "body.fields." + key
}
