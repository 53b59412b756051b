package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/admission"
	"github.com/nerve-alerts/nerve/internal/app"
)

// skew is how far two clocks may be apart: a Slack signature is five minutes
// good, and half a minute of that is already somebody's fault.
const skew = 30 * time.Second

func (x *examination) redis(ctx context.Context) []Finding {
	r := &report{area: "redis"}
	if x.Config.RedisURL.Reveal() == "" {
		if x.Dev {
			r.ok("in process: it forgets with the process, so nerve dev waits for Temporal instead of spooling")
			return r.all
		}
		r.add(Problem, "Set REDIS_URL", "redis.url is not set, so it was not looked at")
		return r.all
	}
	client, a, err := app.Admission(x.Config, false, slog.New(slog.DiscardHandler))
	if err != nil {
		r.add(Problem, "Check REDIS_URL", "%s", short(err))
		return r.all
	}
	defer func() { _ = client.Close() }() // nothing is kept for it
	before := x.Now()
	at, err := client.Time(ctx).Result()
	if err != nil {
		r.add(Problem, "Check the address and that it runs there; ingest limits and folds in its own memory meanwhile, without a spool",
			"it does not answer: %s", short(err))
		return r.all
	}
	x.clock(r, at, before)
	x.durable(ctx, r, client)
	x.streams(ctx, r, a)
	return r.all
}

// clock compares this machine's clock with Redis's.
func (x *examination) clock(r *report, at, before time.Time) {
	if d := at.Sub(before).Abs(); d > skew {
		r.add(Problem, "Synchronise the clocks (NTP): signatures hold for minutes",
			"its clock and this machine's are %s apart", d.Round(time.Second))
	}
}

// setting is a setting of Redis without which it may forget what was answered 200.
type setting struct{ name, want, why string }

var durability = []setting{
	{"appendonly", "yes", "what is in the spool is gone when Redis restarts"},
	{"appendfsync", "always", "up to a second of what was answered 200 is gone when its machine fails"},
	{"maxmemory-policy", "noeviction", "Redis may drop the spool to make room"},
}

func (x *examination) durable(ctx context.Context, r *report, client *redis.Client) {
	var wrong int
	for _, s := range durability {
		answer, err := client.ConfigGet(ctx, s.name).Result()
		if err != nil || len(answer) == 0 {
			r.add(Warning, "Ask whoever runs it for appendonly yes, appendfsync always and maxmemory-policy noeviction",
				"how durable it is cannot be seen: CONFIG GET %s is not answered", s.name)
			return
		}
		if have := answer[s.name]; !strings.EqualFold(have, s.want) {
			wrong++
			r.add(Danger, fmt.Sprintf("Set %s %s (docs/deploy.md)", s.name, s.want), "%s is %q: %s", s.name, have, s.why)
		}
	}
	if wrong == 0 {
		r.ok("keeps each write before it answers, and drops nothing")
	}
}

// streams looks at what waits in Redis and at what nobody could handle.
func (x *examination) streams(ctx context.Context, r *report, a *admission.Admission) {
	depth, err := a.Depth(ctx)
	switch {
	case err != nil:
		r.add(Warning, "Look again", "the spool cannot be read: %s", short(err))
		return
	case depth > 0:
		r.add(Warning, "Look at Temporal: the spool drains as fast as it takes starts", "%d commands wait in the spool", depth)
	default:
		r.ok("the spool is empty")
	}
	for _, q := range admission.Queues {
		letters, err := a.DeadLetters(ctx, q)
		if err == nil && len(letters) > 0 {
			r.add(Problem, "nerve spool list", "%d dead letters of %s: nobody could handle them", len(letters), q)
		}
	}
}
