package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/operator"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/task"
)

type tasksCmd struct {
	List   tasksListCmd   `cmd:"" help:"List tasks, newest first."`
	Show   tasksShowCmd   `cmd:"" help:"Show one task: its output, its credits, and how long each step took."`
	Expect tasksExpectCmd `cmd:"" help:"Register a task before its sender says anything of it; for sources with require_known."`
	Rerun  tasksRerunCmd  `cmd:"" help:"Go on with a task that needed a hand, from the step that failed."`
}

type tasksListCmd struct {
	ledger
	Limit  count  `default:"20" help:"How many at most."`
	Source string `help:"Only those of a source."`
	Task   string `name:"state-of-task" help:"Only those that are starting, processing, succeeded, failed or canceled." enum:"starting,processing,succeeded,failed,canceled," default:"" placeholder:"STATE"`
}

// Run lists tasks.
func (c *tasksListCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(store *record.Store) error {
		found, err := store.Tasks(ctx, record.TaskFilter{Source: c.Source, State: task.State(c.Task), Limit: int(c.Limit)})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(append([]contract.TaskRecord{}, found...))
		}
		if len(found) == 0 {
			t.printf("No tasks.\n")
			return nil
		}
		rows := make([][]string, 0, len(found))
		for _, rec := range found {
			what := rec.Failure
			if rec.Output != nil {
				what = fmt.Sprintf("%s, %d bytes", rec.Output.ContentType, rec.Output.Size)
			}
			rows = append(rows, []string{rec.ID, string(rec.State), string(rec.Credits), ago(time.Now(), rec.StartedAt), oneLine(what, 24)})
		}
		return t.table([]string{"TASK", "STATE", "CREDITS", "AGE", "OUTPUT"}, rows)
	})
}

type tasksShowCmd struct {
	ledger
	ID string `arg:"" help:"The task, as nerve tasks list has it, or SOURCE:ID with the sender's own id."`
}

// Run shows one task.
func (c *tasksShowCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(store *record.Store) error {
		rec, err := store.Task(ctx, c.ID)
		if source, id, ok := strings.Cut(c.ID, ":"); ok && errors.Is(err, record.ErrNotFound) {
			rec, err = store.Task(ctx, source+":"+task.Name(source, id))
		}
		if errors.Is(err, record.ErrNotFound) {
			return fmt.Errorf("no task %s (nerve tasks list shows what there is)", c.ID)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(rec)
		}
		showTask(t, rec)
		return nil
	})
}

func showTask(t terminal, rec contract.TaskRecord) {
	row := func(name, format string, args ...any) {
		t.printf("%-10s "+format+"\n", append([]any{name}, args...)...)
	}
	row("Task", "%s", rec.ID)
	row("Workflow", "%s", rec.WorkflowID)
	row("State", "%s, credits %s", rec.State, rec.Credits)
	if rec.Failure != "" {
		row("Failed", "%s", rec.Failure)
	}
	if o := rec.Output; o != nil {
		row("Output", "%s", o.Key)
		row("", "%s, %d bytes, the first of %d", o.ContentType, o.Size, rec.Outputs)
		row("SHA-256", "%s", o.SHA256)
	}
	row("Started", "%s", rec.StartedAt.UTC().Format(time.RFC3339))
	if !rec.FinishedAt.IsZero() {
		row("Finished", "%s", rec.FinishedAt.UTC().Format(time.RFC3339))
	}
	if rec.PredictSeconds > 0 {
		row("Model", "%.3f s, as the sender measured it", rec.PredictSeconds)
	}
	for step, ms := range sorted(rec.Timings) {
		row("Took", "%-8s %.1f ms", step, ms)
	}
}

type tasksExpectCmd struct {
	target
	ID       string        `arg:"" help:"The sender's own id of the task."`
	Source   string        `required:"" help:"The source that its events will come from."`
	Patience time.Duration `default:"24h" help:"Fail it when nothing is heard for so long, which gives its credits back."`
}

// Run registers a task. Nothing would ever be heard of one whose source is not
// there, so that is refused.
func (c *tasksExpectCmd) Run(ctx context.Context, t terminal) error {
	names, err := c.sourceNames(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(names, c.Source) {
		there := "there are: " + cmp.Or(strings.Join(names, ", "), "none")
		if len(names) > fewNames {
			there = fmt.Sprintf("there are %d (nerve sources list)", len(names))
			if near := config.Closest(c.Source, names); near != "" {
				there = fmt.Sprintf("did you mean %s? Otherwise, %s", near, there)
			}
		}
		return usageError{fmt.Sprintf("there is no source %s that takes deliveries; %s (those of a configuration file with --config, "+
			"those of the database with DATABASE_URL)", c.Source, there)}
	}
	return c.with(ctx, func(o *operator.Operator) error {
		id, err := o.Expect(ctx, c.Source, c.ID, c.Patience, privacy.NewSalt())
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(map[string]string{"workflow_id": id})
		}
		t.printf("Expecting it: %s\n", id)
		return nil
	})
}

type tasksRerunCmd struct {
	target
	ID     string `arg:"" help:"The task, as nerve tasks list has it, or SOURCE:ID with the sender's own id."`
	By     string `help:"Who decides; your user name by default."`
	Reason string `help:"Why."`
}

// Run resets a task's workflow to the step that failed.
func (c *tasksRerunCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(o *operator.Operator) error {
		who := (&decision{By: c.By, Reason: c.Reason}).decide()
		r, err := o.Rerun(ctx, "task:"+c.ID, who)
		if source, id, ok := strings.Cut(c.ID, ":"); ok && errors.Is(err, operator.ErrNotFound) {
			r, err = o.Rerun(ctx, contract.TaskWorkflowID(source, task.Name(source, id)), who)
		}
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(r)
		}
		t.printf("%s goes on from step %q, as run %s.\n", r.WorkflowID, r.Step, r.NewRunID)
		return nil
	})
}
