package cli

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/devserver/state"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

// ledger opens the database of the nerve that a command works on, and where that
// is configured the way to tell every ingest of a change.
func (tg *target) ledger(ctx context.Context, run func(*silence.Book, *record.Store) error) error {
	url, tell, err := tg.stores(ctx)
	if err != nil {
		return err
	}
	store, err := record.Connect(ctx, url.Reveal())
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // what was done is committed
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	book := &silence.Book{Store: store}
	if tell != nil {
		defer func() { _ = tell.Client.Close() }()
		book.Announcer = *tell
	}
	return run(book, store)
}

// stores finds the database, and Redis where it can be used.
func (tg *target) stores(ctx context.Context) (config.Secret, *silence.Carrier, error) {
	if tg.State == "" {
		cfg, err := app.LoadConfig(config.Operator, tg.Config)
		if err != nil {
			return "", nil, err
		}
		if cfg.DatabaseURL.Reveal() != "" {
			tell, err := announcer(cfg)
			return cfg.DatabaseURL, tell, err
		}
	}
	if _, err := findDev(ctx, tg.State); err != nil {
		return "", nil, errors.Join(err, errors.New("or set DATABASE_URL, or name --config, to work on a deployed nerve"))
	}
	dir, err := state.Dir(tg.State)
	if err != nil {
		return "", nil, err
	}
	return config.Secret("sqlite://" + filepath.Join(dir, "nerve.db")), nil, nil
}

// announcer is the way to every ingest, or nil where Redis or the keyset is not
// configured: then they hear of a change when they ask next.
func announcer(cfg *config.Config) (*silence.Carrier, error) {
	if cfg.RedisURL.Reveal() == "" || cfg.Keyset.Reveal() == "" {
		return nil, nil //nolint:nilnil // a change is heard of without it, only later
	}
	keys, err := privacy.ParseKeyset([]byte(cfg.Keyset.Reveal()))
	if err != nil {
		return nil, err
	}
	sealer, err := privacy.NewSealer(keys)
	if err != nil {
		return nil, err
	}
	o, err := redis.ParseURL(cfg.RedisURL.Reveal())
	if err != nil {
		return nil, usageError{"REDIS_URL is not a redis:// or rediss:// address"}
	}
	return &silence.Carrier{Client: redis.NewClient(o), Sealer: sealer}, nil
}
