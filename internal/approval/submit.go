package approval

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
)

const (
	maxSummary = 160 // bytes, inside Temporal's 400 when encrypted
	saltSize   = 16  // bytes
	idSize     = 6   // bytes of the hash that an id shows
)

// Submit asks a second person for a change and returns the approval's id. why is
// the rule that asks for one. The change that is open already is an *OpenError.
func (s *Service) Submit(ctx context.Context, c contract.Change, why string, by audit.Actor) (string, error) {
	by.Person, _ = s.o.People.Known(by.Person)
	if err := by.Check(); err != nil {
		return "", fmt.Errorf("%w: say who asks: the person is empty", ErrNobody)
	}
	id, err := changeID(c)
	if err != nil {
		return "", err
	}
	in := contract.ApprovalInput{
		ID: id, Change: c, Why: why, RequestedBy: by, RequestedAt: s.o.Now().UTC(), Channel: s.o.Channel, Salt: make([]byte, saltSize),
	}
	in.Deadline = in.RequestedAt.Add(s.o.Deadline)
	_, _ = rand.Read(in.Salt) // never fails: it ends the program instead
	if c.Secret != "" {
		if s.o.Sealer == nil {
			return "", errors.New("approval: a secret cannot be sealed without the keyset")
		}
		if in.Sealed, err = s.o.Sealer.Seal([]byte(c.Secret), contract.ApprovalContext(id)); err != nil {
			return "", fmt.Errorf("approval: seal the secret: %w", err)
		}
		in.Change.Secret = ""
	}
	_, err = s.o.Client.ExecuteWorkflow(ctx, startOptions(in), contract.WorkflowApprove, in)
	if _, open := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); open {
		return id, &OpenError{ID: id}
	}
	if err != nil {
		return "", fmt.Errorf("approval: ask for %s of %s: %w", c.Action, c.Target, err)
	}
	return id, nil
}

func startOptions(in contract.ApprovalInput) client.StartWorkflowOptions {
	c := in.Change
	return client.StartWorkflowOptions{
		ID: contract.ApprovalWorkflowID(in.ID), TaskQueue: contract.QueueTriage,
		// A change that was denied may be asked for again; while it is open it is not.
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		// In the clear: which source, and how it stands. Nothing of a person.
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttrSource).ValueSet(c.Target),
			temporal.NewSearchAttributeKeyKeyword(contract.AttrStatus).ValueSet(string(contract.ApprovalWaiting)),
		),
		Memo: map[string]any{
			contract.MemoAction: string(c.Action), contract.MemoTarget: c.Target, contract.MemoRequestedBy: in.RequestedBy,
			contract.MemoRequestedAt: in.RequestedAt, contract.MemoDeadline: in.Deadline, contract.MemoWhy: in.Why, contract.MemoReason: c.Reason,
		},
		StaticSummary: incident.Cut(string(c.Action)+" of "+plainText(c.Target), maxSummary/2),
		StaticDetails: details(in),
		Priority:      temporal.Priority{PriorityKey: 2}, // a person waits for it
	}
}

// details are what Temporal UI shows of the request itself, in Markdown.
func details(in contract.ApprovalInput) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**Change** `%s` of %s", in.Change.Action, plainText(in.Change.Target))
	for _, name := range slices.Sorted(maps.Keys(in.Change.Fields)) {
		fmt.Fprintf(&b, "\n- %s: %s", plainText(name), plainText(incident.Cut(fmt.Sprint(in.Change.Fields[name]), 200)))
	}
	if len(in.Sealed) > 0 {
		b.WriteString("\n- a secret, sealed")
	}
	return b.String()
}

// plainText cannot form Markdown of its own.
func plainText(text string) string { return markdown.Replace(text) }

var markdown = strings.NewReplacer("[", "(", "]", ")", "\n", " ", "`", "'")

// changeID names a change, without its secret and its reason: the same change is
// the same request. A field that is called like a secret is refused, because
// fields are shown to people.
func changeID(c contract.Change) (string, error) {
	if c.Action == "" || c.Target == "" {
		return "", fmt.Errorf("%w: it needs an action and a target", ErrChange)
	}
	for name := range c.Fields {
		if lower := strings.ToLower(name); strings.Contains(lower, "secret") || strings.Contains(lower, "password") {
			return "", fmt.Errorf("%w: a secret is not given among its fields (%s)", ErrChange, name)
		}
	}
	named := c
	named.Secret, named.Reason, named.Revision = "", "", 0
	raw, err := json.Marshal(named) //nolint:gosec // its secret is empty; maps are written in the order of their keys
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrChange, err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:idSize]), nil
}
