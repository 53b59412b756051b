package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/approval"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

type approvalsCmd struct {
	List  approvalsListCmd  `cmd:"" help:"List what waits for a second person."`
	Show  approvalsShowCmd  `cmd:"" help:"Show one request: what it changes, who asks, who decided, and what came of it."`
	Grant approvalsGrantCmd `cmd:"" help:"Grant a request of somebody else: the change is made."`
	Deny  approvalsDenyCmd  `cmd:"" help:"Deny a request, or take back your own."`
}

// service opens the approvals of a place for a command.
func (p place) service(ctx context.Context, run func(*approval.Service) error) error {
	return p.dial(ctx, func(c client.Client, dc converter.DataConverter, keys *privacy.Keyset) error {
		sealer, err := privacy.NewSealer(keys)
		if err != nil {
			return err
		}
		return run(approval.New(approval.Options{
			Client: c, Converter: dc, Namespace: p.temporal.Namespace, Sealer: sealer,
			Channel: p.approvals.Channel, Deadline: p.approvals.Deadline, People: p.people,
		}))
	})
}

func (tg *target) approvals(ctx context.Context, run func(*approval.Service) error) error {
	at, err := tg.find(ctx)
	if err != nil {
		return err
	}
	return at.service(ctx, run)
}

// asker asks a second person. It connects when it is asked to, because most
// commands need nobody.
type asker struct{ at place }

// asking is how a command asks a second person; nil where it cannot.
func asking(cfg *config.Config) Approvals {
	if cfg.Temporal.Address == "" {
		return nil
	}
	return asker{configured(cfg)}
}

// Submit asks a second person for a change.
func (a asker) Submit(ctx context.Context, c contract.Change, why string, by audit.Actor) (id string, err error) {
	err = a.at.service(ctx, func(s *approval.Service) error {
		id, err = s.Submit(ctx, c, why, by)
		return mistaken(err)
	})
	return id, err
}

// mistaken marks what whoever typed the command has to do differently.
func mistaken(err error) error {
	for _, theirs := range []error{
		approval.ErrNotFound, approval.ErrOpen, approval.ErrDecided, approval.ErrRequester, approval.ErrNobody, approval.ErrChange,
	} {
		if errors.Is(err, theirs) {
			return usageError{plain(err)}
		}
	}
	return err
}

type approvalsListCmd struct {
	target
	All    bool   `help:"Also those that are over."`
	Source string `help:"Only those of a source." placeholder:"NAME"`
	Limit  count  `default:"20" help:"How many at most."`
}

// Run lists requests.
func (c *approvalsListCmd) Run(ctx context.Context, t terminal) error {
	return c.approvals(ctx, func(s *approval.Service) error {
		found, err := s.List(ctx, approval.Filter{Limit: int(c.Limit), Open: !c.All, Target: c.Source})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(found)
		}
		if len(found) == 0 {
			t.printf("Nothing waits for a second person.%s\n", map[bool]string{false: " --all shows what is over.", true: ""}[c.All])
			return nil
		}
		rows := make([][]string, 0, len(found))
		for _, a := range found {
			rows = append(rows, []string{
				a.ID, string(a.Action), oneLine(a.Target, 18), string(a.Status), ago(time.Now(), a.RequestedAt),
				left(a), oneLine(a.RequestedBy.Person, 20),
			})
		}
		return t.table([]string{"APPROVAL", "CHANGE", "TARGET", "STATUS", "AGE", "LEFT", "ASKED BY"}, rows)
	})
}

// left is how long somebody can still decide.
func left(a approval.Approval) string {
	d := time.Until(a.Deadline)
	if !a.Open() || d <= 0 {
		return "-"
	}
	return ago(a.Deadline, a.Deadline.Add(-d))
}

type approvalsShowCmd struct {
	target
	ID string `arg:"" help:"The approval's id."`
}

// Run shows a request.
func (c *approvalsShowCmd) Run(ctx context.Context, t terminal) error {
	return c.approvals(ctx, func(s *approval.Service) error {
		d, err := s.Show(ctx, c.ID)
		if err != nil {
			return mistaken(err)
		}
		if c.JSON {
			return t.json(d)
		}
		showApproval(t, d)
		return nil
	})
}

func showApproval(t terminal, d approval.Detail) {
	row := func(name, text string) {
		if text != "" {
			t.printf("%-10s %s\n", name, text)
		}
	}
	row("Approval", d.ID)
	row("Change", string(d.Action)+" of "+d.Target)
	row("Status", string(d.Status))
	row("Asked by", fmt.Sprintf("%s (%s), %s", d.RequestedBy.Person, d.RequestedBy.Via, d.RequestedAt.UTC().Format(time.RFC3339)))
	row("Reason", oneLine(d.Reason, 88))
	row("Why", oneLine(d.Why, 88))
	row("Unread", d.Unread)
	if s := d.State; s != nil {
		for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
			row("Sets", oneLine(name+" = "+fmt.Sprint(s.Fields[name]), 88))
		}
		row("Removes", s.Removes())
		if r := s.Ruling; r != nil {
			row(map[bool]string{true: "Granted by", false: "Denied by"}[r.Grant], r.Actor.Person+" ("+r.Actor.Via+")")
			row("They say", oneLine(r.Reason, 88))
		}
		row("Failed", oneLine(s.Failure, 88))
	}
	if d.Open() {
		row("Until", d.Deadline.UTC().Format(time.RFC3339))
		t.printf("\nSomebody other than %s decides:\n  nerve approvals grant %s\n  nerve approvals deny %s\n", d.RequestedBy.Person, d.ID, d.ID)
	}
}

// rulingFlags is what granting and denying have in common.
type rulingFlags struct {
	target
	ID     string `arg:"" help:"The approval's id."`
	By     string `help:"Who decides; your user name by default." placeholder:"PERSON"`
	Reason string `help:"Why." placeholder:"TEXT"`
}

func (r *rulingFlags) decide(ctx context.Context, t terminal, grant bool) error {
	return r.approvals(ctx, func(s *approval.Service) error {
		actor := audit.Actor{Person: r.By, Via: audit.ViaCLI}
		if actor.Person == "" {
			actor.Person = (&decision{}).decide().By
		}
		state, err := s.Decide(ctx, r.ID, contract.Ruling{Actor: actor, Grant: grant, Reason: strings.TrimSpace(r.Reason)})
		if errors.Is(err, approval.ErrRequester) {
			return usageError{fmt.Sprintf("%s asked for this, so somebody else has to grant it (or take it back: nerve approvals deny %s)", actor.Person, r.ID)}
		}
		if err != nil {
			return mistaken(err)
		}
		if grant {
			state = followed(ctx, s, state)
		}
		if r.JSON {
			return t.json(state)
		}
		if !grant {
			t.printf("%s of %s is denied: nothing is changed.\n", state.Action, state.Target)
			return nil
		}
		switch state.Status {
		case contract.ApprovalApplied:
			t.printf("%s of %s is granted and made.\n", state.Action, state.Target)
		case contract.ApprovalFailed:
			return fmt.Errorf("%s of %s is granted, and could not be made: %s", state.Action, state.Target, state.Failure)
		default:
			t.printf("%s of %s is granted, and not made yet: nerve approvals show %s tells.\n", state.Action, state.Target, state.ID)
		}
		return nil
	})
}

// applyWait is how long granting waits to say whether the change could be made.
const applyWait = 5 * time.Second

// followed waits a moment for what becomes of a grant: it is made at once, unless
// something is away.
func followed(ctx context.Context, s *approval.Service, state contract.ApprovalState) contract.ApprovalState {
	ctx, cancel := context.WithTimeout(ctx, applyWait)
	defer cancel()
	for state.Status == contract.ApprovalGranted {
		select {
		case <-ctx.Done():
			return state
		case <-time.After(100 * time.Millisecond):
		}
		d, err := s.Show(ctx, state.ID)
		if err != nil || d.State == nil {
			return state
		}
		state = *d.State
	}
	return state
}

type approvalsGrantCmd struct{ rulingFlags }

// Run grants a request.
func (c *approvalsGrantCmd) Run(ctx context.Context, t terminal) error {
	return c.decide(ctx, t, true)
}

type approvalsDenyCmd struct{ rulingFlags }

// Run denies a request.
func (c *approvalsDenyCmd) Run(ctx context.Context, t terminal) error {
	return c.decide(ctx, t, false)
}
