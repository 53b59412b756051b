package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Errors that callers tell apart.
var (
	ErrSpoolFull   = errors.New("admission: the spool is full")
	ErrNotDurable  = errors.New("admission: this Redis does not survive a restart, so nothing is spooled in it")
	ErrUnavailable = errors.New("admission: Redis does not answer")
	// ErrPoison marks an error of a handler that no retry can mend. Wrap it.
	ErrPoison = errors.New("admission: cannot ever be handled")
)

// Options configure an Admission. Client is required.
type Options struct {
	// Client needs ContextTimeoutEnabled, or Budget is only kept for a
	// *redis.Client; MaxRetries -1 keeps a lost reply from counting twice.
	Client redis.UniversalClient
	Prefix string // of every key, default "nerve"
	// Budget is how long a Redis call may take on the request path, default 50 ms:
	// a quarter of the 200 ms in which a sender is answered.
	Budget time.Duration
	// DeliveryStream is the delivery log's key, default "<prefix>:{nerve}:deliveries".
	// Another name must carry the tag {nerve} too, or a cluster refuses it.
	DeliveryStream string
	MaxSpool       int64 // commands kept while Temporal is away, default 100,000
	// MaxDeliveries is how many deliveries are kept while SQL is away, default
	// 400,000: an hour of 100 a second, and some. With a sealed body of 2 KB an
	// entry takes 3.6 KB of Redis, so a full stream is 1.4 GB.
	MaxDeliveries int64
	// Durable says that Redis survives a restart (appendonly yes). Without it
	// Spool refuses, because a spooled command is answered with 200.
	Durable bool
	// MaxBacklog is how many calls are kept in memory while Redis is away, default
	// 20,000: a minute of 200 repeats a second and some, in at most 64 MB.
	MaxBacklog int
	ProbeEvery time.Duration // how often a lost Redis is tried again, default 1 s
	LeaseTTL   time.Duration // after how long the streams of a dead process are taken over, default 30 s
	Logger     *slog.Logger
	Now        func() time.Time
}

// Admission is safe for concurrent use. Close it to bring out what it still
// holds for Redis.
type Admission struct {
	raw     redis.UniversalClient // calls end with the client's own timeouts
	client  redis.UniversalClient // calls end with their context
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	names   names
	memory  *memory
	outage  outage
	timing  timing
	dropped atomic.Int64 // delivery entries
	full    atomic.Bool  // the delivery stream, when last written to
}

// timing is what tests make shorter.
type timing struct {
	block    time.Duration // a blocking read; one a minute is 1,440 commands a day
	leaseTTL time.Duration
	retryMin time.Duration // the first wait after a failed handler, doubled up to retryMax
	retryMax time.Duration
	// gather is the rest between two passes over the delivery log. Without it
	// each few entries cost a commit in SQL and four commands in Redis, at the
	// same time as the next deliveries are answered.
	gather time.Duration
	grace  time.Duration // how long the entry in hand may take after a stop
}

// Open builds an Admission. It does not call Redis; Ping does. It refuses options
// with which the promises of this package would not hold.
func Open(o Options) (*Admission, error) {
	if o.Prefix == "" {
		o.Prefix = "nerve"
	}
	if o.DeliveryStream == "" {
		o.DeliveryStream = o.Prefix + ":{nerve}:deliveries"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	o.Budget = positive(o.Budget, 50*time.Millisecond)
	o.MaxSpool = positive(o.MaxSpool, 100_000)
	o.MaxDeliveries = positive(o.MaxDeliveries, 400_000)
	o.MaxBacklog = positive(o.MaxBacklog, 20_000)
	o.ProbeEvery = positive(o.ProbeEvery, time.Second)
	o.LeaseTTL = positive(o.LeaseTTL, 30*time.Second)
	a := &Admission{
		raw:    o.Client,
		client: bounded(o.Client, o.Budget),
		opts:   o,
		log:    o.Logger,
		now:    o.Now,
		names:  names{prefix: o.Prefix + ":{nerve}:"},
		memory: newMemory(maxMarks),
		timing: timing{
			// There are two streams to wait for: less than a command a minute at rest.
			block: 3 * time.Minute, leaseTTL: o.LeaseTTL,
			retryMin: 250 * time.Millisecond, retryMax: 30 * time.Second, grace: 10 * time.Second,
			gather: 300 * time.Millisecond,
		},
	}
	a.outage.init(a)
	return a, nil
}

func (o Options) check() error {
	if o.Client == nil {
		return errors.New("admission: no Redis client")
	}
	if !strings.Contains(o.DeliveryStream, "{nerve}") || strings.ContainsAny(o.Prefix, "{}") {
		return fmt.Errorf("admission: prefix %q and delivery stream %q: keys must share the hash tag {nerve}", o.Prefix, o.DeliveryStream)
	}
	if cc, ok := o.Client.(*redis.ClusterClient); ok && !cc.Options().ContextTimeoutEnabled {
		return errors.New("admission: the Redis cluster client needs ContextTimeoutEnabled, or it outlasts the budget")
	}
	return nil
}

// bounded returns a client whose calls end at about their context's deadline,
// which go-redis does of itself only with ContextTimeoutEnabled.
func bounded(c redis.UniversalClient, budget time.Duration) redis.UniversalClient {
	if rc, ok := c.(*redis.Client); ok && !rc.Options().ContextTimeoutEnabled {
		return rc.WithTimeout(budget)
	}
	return c
}

// Ping reports whether Redis takes writes, within ctx.
func (a *Admission) Ping(ctx context.Context) error {
	if err := a.raw.Set(ctx, a.names.probe(), 1, time.Second).Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// Stats are an Admission's figures since it was made.
type Stats struct {
	Away    bool  // decisions are made in memory
	Backlog int   // calls that wait for Redis
	Dropped int64 // delivery entries that neither the stream nor the backlog had room for
}

// Stats returns the figures of now.
func (a *Admission) Stats() Stats {
	away, backlog := a.outage.state()
	return Stats{Away: away, Backlog: backlog, Dropped: a.dropped.Load()}
}

// Close stops waiting for a lost Redis and tries once more, within ctx, to bring
// out what was kept for it. The error says how many calls were lost.
func (a *Admission) Close(ctx context.Context) error { return a.outage.close(ctx) }
