package doctor

import (
	"context"
	"errors"

	"github.com/nerve-alerts/nerve/internal/record"
)

func (x *examination) sql(ctx context.Context) []Finding {
	r := &report{area: "sql"}
	if x.Config.DatabaseURL.Reveal() == "" {
		r.add(Problem, "Set DATABASE_URL", "database.url is not set, so it was not looked at")
		return r.all
	}
	s, err := record.Connect(ctx, x.Config.DatabaseURL.Reveal())
	if err != nil {
		r.add(Problem, "Workers wait for it; alerts are taken in and answered meanwhile, and recorded later", "%s", short(err))
		return r.all
	}
	defer func() { _ = s.Close() }() // it was only read
	err = s.CheckSchema(ctx)
	if schema, other := errors.AsType[*record.SchemaError](err); other {
		fix := "Start a worker of this release, or: nerve db migrate"
		if schema.Have > schema.Want {
			fix = "Use the release that the database belongs to"
		}
		r.add(Problem, fix, "the schema is at %d, and this release works with %d", schema.Have, schema.Want)
		return r.all
	}
	if err != nil {
		r.add(Problem, "Look at the database's log", "%s", short(err))
		return r.all
	}
	r.ok("answers, and its schema is this release's")
	x.log(ctx, r, s)
	x.stopped(ctx, r, s)
	return r.all
}

// stopped names the subscribers that get no events any more.
func (x *examination) stopped(ctx context.Context, r *report, s *record.Store) {
	list, err := s.StoppedSubscribers(ctx)
	if err != nil {
		r.add(Problem, "Look at the database's log", "the stopped subscribers cannot be read: %s", short(err))
	}
	for _, one := range list {
		r.add(Warning, "Remove it from events.subscribers, or: nerve events start "+one.Name,
			"subscriber %s gets no events since %s: it answered 410", one.Name, one.StoppedAt.Format("2006-01-02 15:04:05Z"))
	}
}

// log looks at whether the delivery log has anything at all, and how old it is.
func (x *examination) log(ctx context.Context, r *report, s *record.Store) {
	newest, err := s.Deliveries(ctx, record.DeliveryFilter{Limit: 1})
	switch {
	case err != nil:
		r.add(Problem, "Look at the database's log", "the delivery log cannot be read: %s", short(err))
	case len(newest) == 0:
		r.ok("the delivery log is empty: nothing was delivered yet")
	default:
		r.ok("the newest delivery was received %s", newest[0].ReceivedAt.Format("2006-01-02 15:04:05Z"))
	}
}
