package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/internal/silence"
	"github.com/nerve-alerts/nerve/internal/slack"
	"github.com/nerve-alerts/nerve/internal/temporalx"
)

// Options are what differs between production and `nerve dev`.
type Options struct {
	// DurableRedis says that Redis keeps what it was given over a restart, so
	// that ingest may answer 200 for what is only in the spool.
	DurableRedis bool
	Logger       *slog.Logger
}

// Core is what both programs work with.
type Core struct {
	Config    *config.Config
	Log       *slog.Logger
	Client    client.Client
	Converter converter.DataConverter
	Keyset    *privacy.Keyset
	Sealer    *privacy.Sealer
	Scrubber  *privacy.Scrubber
	Admission *admission.Admission
	Slack     *slack.Client // nil without a bot token

	silences silence.Set
	watching atomic.Bool // somebody keeps them up to date

	redis   *redis.Client
	durable bool
}

// Connect builds the core. Neither Temporal nor Redis needs to be up yet: ingest
// takes alerts in without either.
func Connect(cfg *config.Config, o Options) (*Core, error) {
	c := &Core{Config: cfg, Log: o.Logger, Scrubber: privacy.NewScrubber(), durable: o.DurableRedis}
	c.silences.Log = o.Logger
	if err := c.keys(); err != nil {
		return nil, err
	}
	if err := c.temporal(); err != nil {
		return nil, err
	}
	if err := c.admission(); err != nil {
		c.Client.Close()
		return nil, err
	}
	if token := cfg.Slack.BotToken.Reveal(); token != "" {
		s, err := slack.New(token, cfg.Slack.APIURL, nil)
		if err != nil {
			return nil, err
		}
		c.Slack = s
	}
	return c, nil
}

func (c *Core) keys() error {
	k, err := privacy.ParseKeyset([]byte(c.Config.Keyset.Reveal()))
	if err != nil {
		return fmt.Errorf("front: NERVE_KEYSET: %w", err)
	}
	c.Keyset = k
	if c.Sealer, err = privacy.NewSealer(k); err != nil {
		return fmt.Errorf("front: sealer: %w", err)
	}
	if c.Converter, err = privacy.NewDataConverter(k); err != nil {
		return fmt.Errorf("front: codec: %w", err)
	}
	return nil
}

func (c *Core) temporal() error {
	t := c.Config.Temporal
	opts := temporalx.Options{
		Address: t.Address, Namespace: t.Namespace, APIKey: t.APIKey.Reveal(),
		DataConverter: c.Converter, FailureConverter: privacy.NewFailureConverter(c.Converter), Logger: c.Log,
	}
	if t.TLS {
		opts.TLS = TLS()
	}
	var err error
	c.Client, err = temporalx.Lazy(opts)
	return err
}

func (c *Core) admission() (err error) {
	c.redis, c.Admission, err = Admission(c.Config, c.durable, c.Log)
	return err
}

// unheard drops what the Redis client prints by itself to standard error:
// admission logs an outage once, with its cause.
type unheard struct{}

func (unheard) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(unheard{}) }

// Carrier is what the registry of sources has in Redis.
func (c *Core) Carrier() registry.Carrier {
	return registry.Carrier{Client: c.redis, Sealer: c.Sealer}
}

// Admission opens what a configuration has in Redis. Redis need not be up yet.
// The caller closes the client, after the admission.
func Admission(cfg *config.Config, durable bool, log *slog.Logger) (*redis.Client, *admission.Admission, error) {
	o, err := redis.ParseURL(cfg.RedisURL.Reveal())
	if err != nil {
		return nil, nil, errors.New("front: REDIS_URL is not a redis:// or rediss:// address")
	}
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	client := redis.NewClient(o)
	a, err := admission.Open(admission.Options{
		Client: client, Durable: durable, DeliveryStream: "nerve:{nerve}:" + cfg.EventsTopic, Logger: log,
	})
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, a, nil
}

// Prepare waits until Temporal answers, then makes sure of the search
// attributes and of a retention that reaches as far as nerve's windows.
func (c *Core) Prepare(ctx context.Context) error {
	for wait := time.Second; ; wait = min(2*wait, 15*time.Second) {
		err := temporalx.Prepare(ctx, c.Client, c.Config.Temporal.Namespace, contract.SearchAttributes, contract.Retention)
		var (
			retention  *temporalx.RetentionError
			permission *temporalx.PermissionError
		)
		switch {
		case err == nil:
			return nil
		case errors.As(err, &retention), errors.As(err, &permission):
			c.Log.Warn("temporal is not set up as nerve needs it", "error", err)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		c.Log.Warn("temporal does not answer yet", "address", c.Config.Temporal.Address, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// Close lets go of every connection, also after ctx has ended. What admission
// still holds for Redis goes out first.
func (c *Core) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := c.Admission.Close(ctx); err != nil {
		c.Log.Warn("admission did not bring everything out", "error", err)
	}
	if err := c.redis.Close(); err != nil {
		c.Log.Warn("redis connection not closed", "error", err)
	}
	c.Client.Close()
}
