package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/nerve-alerts/nerve/internal/app"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/temporalx"
)

func (x *examination) temporal(ctx context.Context) []Finding {
	r := &report{area: "temporal"}
	t := x.Config.Temporal
	if t.Address == "" {
		r.add(Problem, "Set TEMPORAL_ADDRESS", "temporal.address is not set, so it was not looked at")
		return r.all
	}
	o := temporalx.Options{Address: t.Address, Namespace: t.Namespace, APIKey: t.APIKey.Reveal(), Logger: slog.New(slog.DiscardHandler)}
	if t.TLS {
		o.TLS = app.TLS()
	}
	c, err := temporalx.Dial(ctx, o)
	if err != nil {
		r.add(Problem, "Check the address, that it runs there, and that this machine may reach it; ingest answers from its spool meanwhile",
			"%s does not answer: %s", t.Address, short(err))
		return r.all
	}
	defer c.Close()
	x.namespace(ctx, r, c)
	x.queues(ctx, r, c)
	return r.all
}

// namespace compares what Temporal keeps with what nerve's windows need.
func (x *examination) namespace(ctx context.Context, r *report, c client.Client) {
	need, longest := x.remembered(ctx)
	missing, err := temporalx.Inspect(ctx, c, x.Config.Temporal.Namespace, contract.SearchAttributes, need)
	if retention, short := errors.AsType[*temporalx.RetentionError](err); short {
		why := ""
		if longest != "" {
			why = " (delivery_ttl of source " + longest + ")"
		}
		r.add(Danger, fmt.Sprintf("temporal operator namespace update -n %s --retention %dh", retention.Namespace, int64((need+time.Hour-1)/time.Hour)),
			"namespace %s forgets closed incidents after %s, and duplicates must be refused for %s%s: a later retry starts a second incident",
			retention.Namespace, retention.Have, retention.Need, why)
	}
	if permission, denied := errors.AsType[*temporalx.PermissionError](err); denied {
		r.add(Warning, "Look with credentials that may describe the namespace", "these credentials may not %s of namespace %s", permission.Doing, permission.Namespace)
	}
	switch {
	case len(missing) > 0:
		r.add(Warning, "Start a worker, which adds them", "namespace %s lacks the search attributes %s", x.Config.Temporal.Namespace, strings.Join(missing, ", "))
	case err == nil:
		r.ok("%s, namespace %s: retention and search attributes are as needed", x.Config.Temporal.Address, x.Config.Temporal.Namespace)
	case !warned(err):
		r.add(Problem, "Create the namespace, or check temporal.namespace", "%s", short(err))
	}
}

// remembered is for how long Temporal must refuse duplicates, and the source that
// asks for more than nerve does anyway.
func (x *examination) remembered(ctx context.Context) (need time.Duration, longest string) {
	all := slices.Clone(x.Config.Sources)
	if kept, err := x.stored(ctx); err == nil { // the area of the sources says why they cannot be read
		for _, s := range kept {
			all = append(all, s.source)
		}
	}
	need = contract.Retention
	for _, s := range all {
		if s.DeliveryTTL > need {
			need, longest = s.DeliveryTTL, s.Name
		}
	}
	return need, longest
}

func warned(err error) bool {
	_, retention := errors.AsType[*temporalx.RetentionError](err)
	_, permission := errors.AsType[*temporalx.PermissionError](err)
	return retention || permission
}

// queues asks whether anybody works on what ingest starts.
func (x *examination) queues(ctx context.Context, r *report, c client.Client) {
	var idle []string
	for _, q := range contract.Queues {
		kind := enumspb.TASK_QUEUE_TYPE_ACTIVITY
		if q == contract.QueueTriage {
			kind = enumspb.TASK_QUEUE_TYPE_WORKFLOW
		}
		d, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: x.Config.Temporal.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: q}, TaskQueueType: kind,
		})
		if err != nil {
			r.add(Warning, "Look in Temporal UI", "who works on queue %s cannot be seen: %s", q, short(err))
			return
		}
		if len(d.GetPollers()) == 0 {
			idle = append(idle, q)
		}
	}
	if len(idle) > 0 {
		r.add(Problem, "Start cmd/worker; nothing is lost, and nobody is told either",
			"nobody works on the queues %s: incidents wait there", strings.Join(idle, ", "))
		return
	}
	r.ok("workers poll the queues %s", strings.Join(contract.Queues, ", "))
}

// short is an error on one line that fits a terminal.
func short(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if i := strings.LastIndex(text, "desc = "); i >= 0 {
		text = text[i+len("desc = "):]
	}
	if r := []rune(text); len(r) > 200 {
		text = string(r[:199]) + "…"
	}
	return text
}
