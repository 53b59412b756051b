package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
)

type incidentsCmd struct {
	List    incidentsListCmd    `cmd:"" help:"List incidents, newest first."`
	Show    incidentsShowCmd    `cmd:"" help:"Show one incident: verdict, evidence, and why it failed."`
	Rerun   incidentsRerunCmd   `cmd:"" help:"Go on with a failed incident from the step that failed."`
	Ack     incidentsAckCmd     `cmd:"" help:"Say that you are on an open incident."`
	Resolve incidentsResolveCmd `cmd:"" help:"Close an incident, an open one or a failed one."`
	Snooze  incidentsSnoozeCmd  `cmd:"" help:"Keep an open incident quiet for a while; it goes on counting."`
}

type incidentsListCmd struct {
	target
	Limit  count  `default:"20" help:"How many at most."`
	Source string `help:"Only those of a source."`
	Status string `help:"Only those that are firing, acknowledged or resolved." enum:"firing,acknowledged,resolved," default:""`
	Open   bool   `help:"Only open ones." xor:"state"`
	Failed bool   `help:"Only failed ones that nobody has rerun or resolved." xor:"state"`
}

func (c *incidentsListCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(o *operator.Operator) error {
		found, err := o.List(ctx, operator.Filter{Limit: int(c.Limit), Source: c.Source, Status: c.Status, Open: c.Open, Failed: c.Failed})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(found)
		}
		if len(found) == 0 {
			t.printf("No incidents.\n")
			return nil
		}
		rows := make([][]string, 0, len(found))
		for _, i := range found {
			rows = append(rows, []string{i.ID, i.Severity, i.Status, i.Phase, ago(time.Now(), i.OpenedAt), oneLine(i.Title, 36)})
		}
		if err := t.table([]string{"INCIDENT", "SEVERITY", "STATUS", "PHASE", "AGE", "TITLE"}, rows); err != nil {
			return err
		}
		return c.footer(ctx, t, o)
	})
}

// footer says what the list does not show: failures need somebody.
func (c *incidentsListCmd) footer(ctx context.Context, t terminal, o *operator.Operator) error {
	if c.Failed || c.Open {
		return nil
	}
	failed, err := o.List(ctx, operator.Filter{Limit: maxFooter, Source: c.Source, Failed: true})
	if err == nil && len(failed) > 0 {
		t.printf("\n%d failed: nerve incidents list --failed\n", len(failed))
	}
	return err
}

// maxFooter is the most failures that the footer counts.
const maxFooter = 1000

type incidentsShowCmd struct {
	target
	ID string `arg:"" help:"Incident id or workflow id."`
}

func (c *incidentsShowCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(o *operator.Operator) error {
		d, err := o.Show(ctx, c.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(d)
		}
		show(t, d)
		return nil
	})
}

func show(t terminal, d operator.Detail) {
	t.hanging("", d.Title)
	t.printf("%s\n\n", strings.Repeat("─", min(98, max(1, len([]rune(d.Title))))))
	for _, row := range [][2]string{
		{"Incident", d.ID},
		{"Workflow", d.WorkflowID},
		{"Source", d.Source + ", " + d.Severity},
		{"State", d.Status + ", " + d.Phase + ", workflow " + strings.ToLower(d.Execution)},
		{"Opened", d.OpenedAt.UTC().Format(time.RFC3339)},
	} {
		t.printf("%-10s %s\n", row[0], row[1])
	}
	next(t, d)
	if d.Unread != "" {
		t.wrapped("Unread", plain(errors.New(d.Unread))+"; state, verdict and evidence need a worker that is up")
	}
	if d.State == nil {
		return
	}
	t.printf("%-10s %d, last %s\n", "Seen", d.State.Occurrences, d.State.LastSeen.UTC().Format(time.RFC3339))
	if z := d.State.Snoozed; z != nil {
		t.printf("%-10s by %s until %s\n", "Snoozed", z.Actor.Person, z.Until.UTC().Format(time.RFC3339))
	}
	if h := d.State.Silence; h != nil {
		t.printf("%-10s by %s until %s\n", "Silenced", h.ID, h.Until.UTC().Format(time.RFC3339))
	}
	if v := d.State.Verdict; v != nil {
		verdict(t, *v)
	}
	if len(d.State.Evidence) > 0 {
		t.printf("\nEvidence\n")
		for _, e := range d.State.Evidence {
			mark := ""
			if e.Failed {
				mark = "(could not look) "
			}
			text := e.Text
			if e.URL != "" {
				text = e.URL
			}
			t.printf("  %-4s %s%s\n", e.ID, mark, oneLine(e.Title+": "+text, 90))
		}
	}
	actions(t, d.State.Actions)
}

// next says why an incident did not end well, and what can be done about it.
func next(t terminal, d operator.Detail) {
	if d.Failure != "" {
		t.wrapped("Failed", d.Failure)
	}
	if d.Newer != "" {
		t.printf("%-10s %s, since the same alert fired again\n", "Newer", d.Newer)
	}
	says := map[string]string{operator.NextRerun: "Go on", operator.NextResolve: "Close it"}
	for _, what := range d.Next {
		t.printf("%-10s nerve incidents %s %s\n", says[what], what, d.ID)
	}
}

func verdict(t terminal, v incident.Verdict) {
	t.printf("\nVerdict (%s, %s confidence)\n", v.Analyst, v.Confidence)
	t.hanging("  ", v.Summary)
	t.hanging("  ", "Likely cause: "+v.LikelyCause)
	for _, c := range v.Claims {
		t.hanging("  - ", fmt.Sprintf("%s [%s]", c.Text, strings.Join(c.Evidence, " ")))
	}
	for i, s := range v.NextSteps {
		t.hanging(fmt.Sprintf("  %d. ", i+1), s)
	}
}

type incidentsRerunCmd struct{ decision }

func (c *incidentsRerunCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(o *operator.Operator) error {
		r, err := o.Rerun(ctx, c.ID, c.decide())
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(r)
		}
		t.printf("%s goes on from step %q, as run %s.\n", r.ID, r.Step, r.NewRunID)
		return nil
	})
}

// decision is what everything that is decided about an incident has in common.
type decision struct {
	target
	ID     string `arg:"" help:"Incident id or workflow id."`
	By     string `help:"Who decides; your user name by default."`
	Reason string `help:"Why."`
}

func (d *decision) decide() contract.Decision {
	by := person(d.By)
	return contract.Decision{By: by, Reason: d.Reason, Actor: actor(by)}
}

// person is who a command is from: who is named, or the user of this machine.
func person(by string) string {
	if by = strings.TrimSpace(by); by != "" {
		return by
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// actor is a person as the audit log names them.
func actor(by string) audit.Actor { return audit.Actor{Person: strings.ToLower(by), Via: audit.ViaCLI} }

func (d *decision) run(ctx context.Context, t terminal, done string,
	do func(*operator.Operator, context.Context, string, contract.Decision) (contract.TriageState, error),
) error {
	return d.with(ctx, func(o *operator.Operator) error {
		state, err := do(o, ctx, d.ID, d.decide())
		if err != nil {
			return err
		}
		if d.JSON {
			return t.json(state)
		}
		t.printf("%s %s.\n", d.ID, done)
		return nil
	})
}

type incidentsAckCmd struct{ decision }

func (c *incidentsAckCmd) Run(ctx context.Context, t terminal) error {
	return c.run(ctx, t, "is acknowledged by "+c.decide().By, (*operator.Operator).Acknowledge)
}

type incidentsResolveCmd struct{ decision }

func (c *incidentsResolveCmd) Run(ctx context.Context, t terminal) error {
	return c.run(ctx, t, fmt.Sprintf("is resolved by %s", c.decide().By), (*operator.Operator).Resolve)
}
