package record

import (
	"time"

	"github.com/uptrace/bun"
)

// sourceRow is a row of the table sources.
type sourceRow struct {
	bun.BaseModel `bun:"table:sources,alias:s"`

	Name      string `bun:",pk"`
	Provider  string
	Mapping   string
	Fields    jsonText[map[string]any]
	Revision  int64
	Disabled  int
	CreatedAt time.Time
	CreatedBy string
	UpdatedAt time.Time
	UpdatedBy string
}

func rowOfSource(s *Source) sourceRow {
	row := sourceRow{
		Name: s.Name, Provider: s.Provider, Mapping: s.Mapping, Fields: jsonOf(s.Fields), Revision: s.Revision,
		CreatedAt: s.CreatedAt, CreatedBy: s.CreatedBy, UpdatedAt: s.UpdatedAt, UpdatedBy: s.UpdatedBy,
	}
	if s.Disabled {
		row.Disabled = 1
	}
	cleanStrings(&row)
	return row
}

func (r *sourceRow) source() Source {
	return Source{
		Name: r.Name, Provider: r.Provider, Mapping: r.Mapping, Fields: r.Fields.value, Revision: r.Revision, Disabled: r.Disabled != 0,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, UpdatedAt: r.UpdatedAt.UTC(), UpdatedBy: r.UpdatedBy,
	}
}

// secretRow is a row of the table source_secrets.
type secretRow struct {
	bun.BaseModel `bun:"table:source_secrets,alias:ss"`

	Source    string    `bun:",pk"`
	ID        string    `bun:",pk"`
	Sealed    []byte    `bun:",nullzero"`
	NotBefore time.Time `bun:",nullzero"`
	NotAfter  time.Time `bun:",nullzero"`
	AddedAt   time.Time
	AddedBy   string
	RemovedAt time.Time `bun:",nullzero"`
	RemovedBy string
}

func rowOfSecret(source string, s *SourceSecret) secretRow {
	row := secretRow{
		Source: source, ID: s.ID, Sealed: s.Sealed, NotBefore: s.NotBefore, NotAfter: s.NotAfter,
		AddedAt: s.AddedAt, AddedBy: s.AddedBy, RemovedAt: s.RemovedAt, RemovedBy: s.RemovedBy,
	}
	cleanStrings(&row)
	return row
}

func (r *secretRow) secret() SourceSecret {
	return SourceSecret{
		ID: r.ID, Sealed: r.Sealed, NotBefore: r.NotBefore.UTC(), NotAfter: r.NotAfter.UTC(),
		AddedAt: r.AddedAt.UTC(), AddedBy: r.AddedBy, RemovedAt: r.RemovedAt.UTC(), RemovedBy: r.RemovedBy,
	}
}

// purgeRow is a row of the table source_purges.
type purgeRow struct {
	bun.BaseModel `bun:"table:source_purges,alias:sp"`

	Source   string `bun:",pk"`
	Epoch    int64
	PurgedAt time.Time
	PurgedBy string
}
