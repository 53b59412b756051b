package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/record"
)

// In Redis: the channel on which a new revision is announced, and the sealed copy
// of the sources. Both carry the tag that all of nerve's keys do.
const (
	channel      = "nerve:{nerve}:sources:changed"
	snapshotKey  = "nerve:{nerve}:sources"
	fieldSealed  = "sealed"
	fieldNumber  = "revision"
	snapshotBind = "nerve/sources/snapshot"
)

// Carrier is what the registry has in Redis.
type Carrier struct {
	Client redis.UniversalClient
	Sealer Sealer
}

// Announce tells every ingest that there is a new revision.
func (c Carrier) Announce(ctx context.Context, revision int64) error {
	if err := c.Client.Publish(ctx, channel, revision).Err(); err != nil {
		return fmt.Errorf("registry: announce revision %d: %w", revision, err)
	}
	return nil
}

// errNoSnapshot says that no ingest has left a copy in this Redis yet.
var errNoSnapshot = errors.New("registry: there is no copy of the sources in Redis")

// keep leaves a copy of what the database has, unless this revision is there. The
// copy is sealed, on top of the secrets in it, which are sealed each on its own.
func (c Carrier) keep(ctx context.Context, set record.SourceSet) error {
	plain, err := json.Marshal(set)
	if err != nil {
		return fmt.Errorf("registry: encode the copy of the sources: %w", err)
	}
	sealed, err := c.Sealer.Seal(plain, []byte(snapshotBind))
	if err != nil {
		return fmt.Errorf("registry: seal the copy of the sources: %w", err)
	}
	if err := c.Client.HSet(ctx, snapshotKey, fieldNumber, set.Revision, fieldSealed, sealed).Err(); err != nil {
		return fmt.Errorf("registry: keep a copy of the sources: %w", err)
	}
	return nil
}

// kept is the revision of the copy, -1 when there is none.
func (c Carrier) kept(ctx context.Context) (int64, error) {
	text, err := c.Client.HGet(ctx, snapshotKey, fieldNumber).Result()
	if errors.Is(err, redis.Nil) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("registry: look for the copy of the sources: %w", err)
	}
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1, nil //nolint:nilerr // what is no number is no copy, and is written anew
	}
	return revision, nil
}

// copied reads the copy.
func (c Carrier) copied(ctx context.Context) (record.SourceSet, error) {
	sealed, err := c.Client.HGet(ctx, snapshotKey, fieldSealed).Bytes()
	if errors.Is(err, redis.Nil) {
		return record.SourceSet{}, errNoSnapshot
	}
	if err != nil {
		return record.SourceSet{}, fmt.Errorf("registry: read the copy of the sources: %w", err)
	}
	plain, err := c.Sealer.Open(sealed, []byte(snapshotBind))
	if err != nil {
		return record.SourceSet{}, fmt.Errorf("registry: open the copy of the sources: %w", err)
	}
	var set record.SourceSet
	if err := json.Unmarshal(plain, &set); err != nil {
		return record.SourceSet{}, errors.New("registry: the copy of the sources is not readable")
	}
	return set, nil
}
