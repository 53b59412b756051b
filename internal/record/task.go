package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
)

// taskRow is a row of the table tasks.
type taskRow struct {
	bun.BaseModel `bun:"table:tasks,alias:t"`

	ID             string `bun:",pk"`
	Version        int64
	WorkflowID     string
	RunID          string
	Source         string
	Provider       string
	State          string
	Credits        string
	OutputKey      string
	OutputType     string
	OutputBytes    int64
	OutputSHA256   string `bun:"output_sha256"`
	Outputs        int
	Failure        string
	PredictSeconds float64
	Timings        jsonText[map[string]float64]
	StartedAt      time.Time
	FinishedAt     time.Time `bun:",nullzero"`
}

func rowOfTask(rec *contract.TaskRecord) taskRow {
	row := taskRow{
		ID: rec.ID, Version: rec.Revision, WorkflowID: rec.WorkflowID, RunID: rec.RunID, Source: rec.Source, Provider: rec.Provider,
		State: string(rec.State), Credits: string(rec.Credits), Outputs: rec.Outputs, Failure: rec.Failure,
		PredictSeconds: rec.PredictSeconds, Timings: jsonOf(rec.Timings), StartedAt: rec.StartedAt, FinishedAt: rec.FinishedAt,
	}
	if o := rec.Output; o != nil {
		row.OutputKey, row.OutputType, row.OutputBytes, row.OutputSHA256 = o.Key, o.ContentType, o.Size, o.SHA256
	}
	cleanStrings(&row)
	return row
}

func (r *taskRow) task() contract.TaskRecord {
	rec := contract.TaskRecord{
		ID: r.ID, Revision: r.Version, WorkflowID: r.WorkflowID, RunID: r.RunID, Source: r.Source, Provider: r.Provider,
		State: task.State(r.State), Credits: contract.Credits(r.Credits), Outputs: r.Outputs, Failure: r.Failure,
		PredictSeconds: r.PredictSeconds, Timings: r.Timings.value, StartedAt: r.StartedAt.UTC(),
	}
	if !r.FinishedAt.IsZero() {
		rec.FinishedAt = r.FinishedAt.UTC()
	}
	if r.OutputKey != "" {
		rec.Output = &contract.TaskOutput{Key: r.OutputKey, ContentType: r.OutputType, Size: r.OutputBytes, SHA256: r.OutputSHA256}
	}
	return rec
}

// SaveTask writes the state of a task. It may be called late, twice or out of
// order: the state with the highest Revision stays. ID, Source, Revision and
// StartedAt are needed.
func (s *Store) SaveTask(ctx context.Context, rec contract.TaskRecord) error {
	if rec.ID == "" || rec.Source == "" || rec.Revision <= 0 || rec.StartedAt.IsZero() {
		return errors.New("record: a task needs an id, a source, a revision above 0 and a start")
	}
	row := rowOfTask(&rec)
	_, err := s.write.NewInsert().Model(&row).
		On("CONFLICT (id) DO UPDATE").
		Where("EXCLUDED.version > ?TableAlias.version").
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("record: save task: %w", err)
	}
	return nil
}

// Task returns one task, or ErrNotFound.
func (s *Store) Task(ctx context.Context, id string) (contract.TaskRecord, error) {
	var row taskRow
	err := s.read.NewSelect().Model(&row).Where("id = ?", cleanText(id)).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return contract.TaskRecord{}, ErrNotFound
	}
	if err != nil {
		return contract.TaskRecord{}, fmt.Errorf("record: read task: %w", err)
	}
	return row.task(), nil
}

// TaskFilter narrows Tasks; a zero field does not.
type TaskFilter struct {
	Source string
	State  task.State
	Limit  int // default 50, at most 1,000
}

// Tasks lists tasks, the one started last first.
func (s *Store) Tasks(ctx context.Context, f TaskFilter) ([]contract.TaskRecord, error) {
	var rows []taskRow
	q := s.read.NewSelect().Model(&rows)
	equal(q, "source", f.Source)
	equal(q, "state", string(f.State))
	if err := q.Order("started_at DESC", "id DESC").Limit(bounded(f.Limit)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("record: list tasks: %w", err)
	}
	list := make([]contract.TaskRecord, len(rows))
	for i := range rows {
		list[i] = rows[i].task()
	}
	return list, nil
}
