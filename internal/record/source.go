package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Source is a source that is kept in the database.
type Source struct {
	Name     string
	Provider string // registry name; empty with a mapping
	Mapping  string // the mapping itself
	// Fields are the rest, by the names and in the form of the configuration file.
	Fields    map[string]any
	Revision  int64 // of the registry, when the source was last changed
	Disabled  bool
	CreatedAt time.Time
	CreatedBy string
	UpdatedAt time.Time
	UpdatedBy string
	Secrets   []SourceSecret // newest first, removed ones included
}

// SourceSecret is a secret of a source. Its value is sealed, and is returned by
// SealedSources alone.
type SourceSecret struct {
	ID                  string // providers.SecretID
	Sealed              []byte
	NotBefore, NotAfter time.Time // zero: no bound
	AddedAt             time.Time
	AddedBy             string
	RemovedAt           time.Time // zero while it counts
	RemovedBy           string
}

// Purge says when the windows of a source were last forgotten.
type Purge struct {
	Epoch int64 // grows with every purge
	At    time.Time
	By    string
}

// SourceSet is every source of the database at one revision.
type SourceSet struct {
	Revision int64
	Sources  []Source         // by name
	Purges   map[string]Purge // by source, also of the configuration file
}

// setAttempts is how often a set is read anew that changed while it was read.
const setAttempts = 5

// Sources reads every source. What is sealed is left out.
func (s *Store) Sources(ctx context.Context) (SourceSet, error) { return s.sources(ctx, false) }

// SealedSources reads every source with its sealed secrets, for the loader of
// the registry and for nobody else.
func (s *Store) SealedSources(ctx context.Context) (SourceSet, error) { return s.sources(ctx, true) }

// SourcesRevision is the number that grows with every change of a source.
func (s *Store) SourcesRevision(ctx context.Context) (int64, error) {
	revision, err := sourcesRevision(ctx, s.read)
	if err != nil {
		return 0, fmt.Errorf("record: read the registry's revision: %w", err)
	}
	return revision, nil
}

func sourcesRevision(ctx context.Context, db bun.IDB) (revision int64, err error) {
	err = db.NewSelect().Table("registry").Column("revision").Where("id = 1").Scan(ctx, &revision)
	return revision, err
}

// sources reads the revision before and after: every change moves it in its own
// transaction, so what lies between two equal ones belongs together.
func (s *Store) sources(ctx context.Context, sealed bool) (SourceSet, error) {
	for range setAttempts {
		set, again, err := s.sourcesOnce(ctx, sealed)
		if err != nil {
			return SourceSet{}, fmt.Errorf("record: read the sources: %w", err)
		}
		if !again {
			return set, nil
		}
	}
	return SourceSet{}, errors.New("record: read the sources: they change faster than they can be read")
}

func (s *Store) sourcesOnce(ctx context.Context, sealed bool) (set SourceSet, again bool, err error) {
	if set.Revision, err = sourcesRevision(ctx, s.read); err != nil {
		return set, false, err
	}
	var rows []sourceRow
	if err := s.read.NewSelect().Model(&rows).Order("name ASC").Scan(ctx); err != nil {
		return set, false, err
	}
	var secrets []secretRow
	q := s.read.NewSelect().Model(&secrets).Order("added_at DESC", "id ASC")
	if !sealed {
		q.ExcludeColumn("sealed")
	}
	if err := q.Scan(ctx); err != nil {
		return set, false, err
	}
	var purges []purgeRow
	if err := s.read.NewSelect().Model(&purges).Scan(ctx); err != nil {
		return set, false, err
	}
	after, err := sourcesRevision(ctx, s.read)
	if err != nil || after != set.Revision {
		return set, true, err
	}
	set.fill(rows, secrets, purges)
	return set, false, nil
}

func (set *SourceSet) fill(rows []sourceRow, secrets []secretRow, purges []purgeRow) {
	of := map[string][]SourceSecret{}
	for i := range secrets {
		of[secrets[i].Source] = append(of[secrets[i].Source], secrets[i].secret())
	}
	for i := range rows {
		source := rows[i].source()
		source.Secrets = of[source.Name]
		set.Sources = append(set.Sources, source)
	}
	set.Purges = make(map[string]Purge, len(purges))
	for _, p := range purges {
		set.Purges[p.Source] = Purge{Epoch: p.Epoch, At: p.PurgedAt.UTC(), By: p.PurgedBy}
	}
}
