package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

type silencesCmd struct {
	List silencesListCmd `cmd:"" help:"List silences: those that hold, will hold, and with --all those that are over."`
	Add  silencesAddCmd  `cmd:"" help:"Keep the incidents of some signals quiet for a time."`
	End  silencesEndCmd  `cmd:"" help:"End a silence now; what it holds and still fires is raised."`
	Test silencesTestCmd `cmd:"" help:"Say which of the newest incidents an expression would have silenced."`
}

type silencesListCmd struct {
	target
	All   bool  `help:"Also those that are over."`
	Limit count `default:"50" help:"How many at most."`
}

// Run lists silences, the one that ends last first.
func (c *silencesListCmd) Run(ctx context.Context, t terminal) error {
	return c.ledger(ctx, func(b *silence.Book, _ *record.Store) error {
		now := time.Now()
		f := record.SilenceFilter{Limit: int(c.Limit)}
		if !c.All {
			f.AheadAt = now
		}
		list, err := b.Store.Silences(ctx, f)
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(list)
		}
		if len(list) == 0 {
			t.printf("No silences.\n")
			return nil
		}
		rows := make([][]string, 0, len(list))
		for i := range list {
			s := &list[i]
			rows = append(rows, []string{s.ID, s.State(now), stamp(s.StartsAt), stamp(s.EndsAt), oneLine(s.CreatedBy, 14), oneLine(s.Expression, 32)})
		}
		return t.table([]string{"SILENCE", "STATE", "FROM", "UNTIL", "BY", "EXPRESSION"}, rows)
	})
}

func stamp(at time.Time) string { return at.UTC().Format("01-02 15:04Z") }

type silencesAddCmd struct {
	target
	Expression string        `arg:"" help:"CEL over the signal, such as: signal.source == \"datadog\" && signal.tags.env == \"staging\"."`
	For        time.Duration `help:"How long, from --from on; or say --until." placeholder:"DURATION" xor:"end"`
	Until      time.Time     `help:"When it ends, as 2026-03-04T18:00:00Z." placeholder:"TIME" xor:"end"`
	From       time.Time     `help:"When it starts; now by default." placeholder:"TIME"`
	Why        string        `required:"" help:"Why, for whoever wonders later why nothing was said."`
	By         string        `help:"Who silences; your user name by default."`
}

// tried is how many incidents an expression is tried on when a silence is made.
const tried = 200

// Run makes a silence.
func (c *silencesAddCmd) Run(ctx context.Context, t terminal) error {
	d := silence.Draft{Expression: c.Expression, StartsAt: c.From, EndsAt: c.Until, Why: c.Why}
	if d.StartsAt.IsZero() {
		d.StartsAt = time.Now()
	}
	if d.EndsAt.IsZero() {
		if c.For <= 0 {
			return usageError{"say how long with --for, or until when with --until"}
		}
		d.EndsAt = d.StartsAt.Add(c.For)
	}
	return c.ledger(ctx, func(b *silence.Book, _ *record.Store) error {
		added, untold, err := b.Add(ctx, d, actor(person(c.By)))
		if err != nil {
			return wrongExpression(c.Expression, err)
		}
		if c.JSON {
			return errors.Join(t.json(added), untold)
		}
		t.printf("Silence %s holds from %s until %s.\n", added.ID, added.StartsAt.Format(time.RFC3339), added.EndsAt.Format(time.RFC3339))
		if trial, err := b.Try(ctx, c.Expression, tried); err == nil {
			t.printf("Of the last %d incidents it would have silenced %d.\n", trial.Looked, len(trial.Held))
		}
		t.printf("End it early with: nerve silences end %s\n", added.ID)
		return late(untold)
	})
}

// wrongExpression puts what is wrong with an expression under the expression.
func wrongExpression(expression string, err error) error {
	if errors.Is(err, silence.ErrDraft) {
		return usageError{strings.TrimPrefix(err.Error(), silence.ErrDraft.Error()+": ")}
	}
	failed, ok := errors.AsType[*silence.CompileError](err)
	if !ok {
		return err
	}
	lines := strings.Split(expression, "\n")
	var text strings.Builder
	text.WriteString("the expression is wrong")
	for _, m := range failed.Mistakes {
		fmt.Fprintf(&text, "\n  %s", m)
		if m.Column > 0 && m.Line <= len(lines) && len(lines[m.Line-1]) < 90 {
			fmt.Fprintf(&text, "\n    %s\n    %s^", lines[m.Line-1], strings.Repeat(" ", m.Column-1))
		}
	}
	return usageError{text.String()}
}

// late says that what was done is heard of later than at once.
func late(untold error) error {
	if untold == nil {
		return nil
	}
	return fmt.Errorf("it is done, and could not be announced: every ingest with a database hears of it within 30 s: %w", untold)
}

type silencesEndCmd struct {
	target
	ID     string `arg:"" help:"The silence's id."`
	By     string `help:"Who ends it; your user name by default."`
	Reason string `help:"Why."`
}

// Run ends a silence, and tells the incidents that it holds. One that was ended
// before is told of again: whoever did may not have come so far.
func (c *silencesEndCmd) Run(ctx context.Context, t terminal) error {
	by := actor(person(c.By))
	var untold error
	var ended record.Silence
	err := c.ledger(ctx, func(b *silence.Book, s *record.Store) (err error) {
		ended, untold, err = b.End(ctx, c.ID, c.Reason, by)
		if errors.Is(err, record.ErrEnded) {
			if ended, err = s.Silence(ctx, c.ID); err == nil && ended.EndedAt.IsZero() {
				return fmt.Errorf("silence %s was over on %s", c.ID, ended.EndsAt.Format(time.RFC3339))
			}
		}
		if errors.Is(err, record.ErrNotFound) {
			return fmt.Errorf("no silence %s (nerve silences list shows what there is)", c.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = c.with(ctx, func(o *operator.Operator) error {
		n, err := o.ReleaseSilence(ctx, contract.SilenceEnded{ID: c.ID, Actor: by, Reason: c.Reason})
		if err == nil && !c.JSON {
			t.printf("Silence %s is ended; %s.\n", c.ID, heldIncidents(n))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("silence %s is ended; the incidents that it holds hear of it from the worker within a minute: %w", c.ID, err)
	}
	if c.JSON {
		return errors.Join(t.json(ended), untold)
	}
	return late(untold)
}

func heldIncidents(n int) string {
	switch n {
	case 0:
		return "no incident is held back"
	case 1:
		return "1 incident that was held back was told"
	}
	return fmt.Sprintf("%d incidents that were held back were told", n)
}

type silencesTestCmd struct {
	target
	Expression string `arg:"" help:"CEL over the signal."`
	Newest     count  `default:"200" help:"How many of the newest incidents; 1,000 at most."`
}

// Run tries an expression.
func (c *silencesTestCmd) Run(ctx context.Context, t terminal) error {
	if _, err := silence.Compile(c.Expression); err != nil {
		return wrongExpression(c.Expression, err)
	}
	return c.ledger(ctx, func(b *silence.Book, _ *record.Store) error {
		trial, err := b.Try(ctx, c.Expression, int(c.Newest))
		if err != nil {
			return wrongExpression(c.Expression, err)
		}
		if c.JSON {
			return t.json(trial)
		}
		if len(trial.Held) > 0 {
			rows := make([][]string, 0, len(trial.Held))
			for i := range trial.Held {
				in := &trial.Held[i]
				rows = append(rows, []string{in.ID, string(in.Severity), ago(time.Now(), in.OpenedAt), oneLine(in.Title, 36)})
			}
			if err := t.table([]string{"INCIDENT", "SEVERITY", "AGE", "TITLE"}, rows); err != nil {
				return err
			}
			t.printf("\n")
		}
		t.printf("Of the last %d incidents it would have silenced %d.\n", trial.Looked, len(trial.Held))
		if trial.Failed > 0 {
			t.printf("It could not be evaluated for %d, which would have been raised: %s\n", trial.Failed, trial.Failure)
		}
		return nil
	})
}
