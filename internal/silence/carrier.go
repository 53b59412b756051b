package silence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/record"
)

// In Redis: the channel on which a change is announced, and the sealed copy of
// the silences that hold or will.
const (
	channel     = "nerve:{nerve}:silences:changed"
	copyKey     = "nerve:{nerve}:silences"
	fieldSealed = "sealed"
	fieldDigest = "digest"
	copyBind    = "nerve/silences/copy"
)

// Sealer encrypts the copy.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(sealed, associated []byte) ([]byte, error)
}

// Carrier is what silences have in Redis.
type Carrier struct {
	Client redis.UniversalClient
	Sealer Sealer
}

// Announce tells every ingest that silences have changed.
func (c Carrier) Announce(ctx context.Context) error {
	if err := c.Client.Publish(ctx, channel, "").Err(); err != nil {
		return fmt.Errorf("silence: announce a change: %w", err)
	}
	return nil
}

// Keep leaves a copy in Redis, for an ingest that cannot ask the database. It
// costs one read when the copy is the same already.
func (c Carrier) Keep(ctx context.Context, all []record.Silence) error {
	plain, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("silence: encode the copy: %w", err)
	}
	digest := digestOf(plain)
	kept, err := c.Client.HGet(ctx, copyKey, fieldDigest).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("silence: look for the copy: %w", err)
	}
	if kept == digest {
		return nil
	}
	sealed, err := c.Sealer.Seal(plain, []byte(copyBind))
	if err != nil {
		return fmt.Errorf("silence: seal the copy: %w", err)
	}
	if err := c.Client.HSet(ctx, copyKey, fieldDigest, digest, fieldSealed, sealed).Err(); err != nil {
		return fmt.Errorf("silence: keep a copy: %w", err)
	}
	return c.Announce(ctx)
}

// copied reads the copy; without one there are no silences.
func (c Carrier) copied(ctx context.Context) ([]record.Silence, error) {
	sealed, err := c.Client.HGet(ctx, copyKey, fieldSealed).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("silence: read the copy: %w", err)
	}
	plain, err := c.Sealer.Open(sealed, []byte(copyBind))
	if err != nil {
		return nil, fmt.Errorf("silence: open the copy: %w", err)
	}
	var all []record.Silence
	if err := json.NewDecoder(bytes.NewReader(plain)).Decode(&all); err != nil {
		return nil, errors.New("silence: the copy is not readable")
	}
	return all, nil
}

// digestOf tells one copy from another without opening it.
func digestOf(plain []byte) string {
	sum := sha256.Sum256(plain)
	return hex.EncodeToString(sum[:])
}
