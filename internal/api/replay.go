package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/explain"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/replay"
	"github.com/nerve-alerts/nerve/providers"
)

// Replayer takes deliveries through today's code. Package replay does.
type Replayer interface {
	Plan(ctx context.Context, id string, o replay.Options) (replay.Plan, error)
	Run(ctx context.Context, id string, o replay.Options, by audit.Actor) (replay.Result, error)
}

// maxReplays is how many deliveries one request replays.
const maxReplays = 50

type explanationOutput struct{ Body explain.Explanation }

// HowToReplay says how deliveries are replayed.
type HowToReplay struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Only say what would become of it, and what differs from then"`
	Again  bool `json:"again,omitempty" doc:"Make an incident of its own of each signal, whatever runs already"`
}

type replayInput struct {
	Named
	Body *HowToReplay `required:"false"`
}

// Replayed is what became of one delivery: plan on a dry run, and else result.
type Replayed struct {
	ID      string         `json:"id"`
	Status  int            `json:"status" doc:"The HTTP status that this one alone would have had"`
	Plan    *replay.Plan   `json:"plan,omitempty"`
	Result  *replay.Result `json:"result,omitempty"`
	Problem *Problem       `json:"problem,omitempty"`
}

type replayedOutput struct{ Body Replayed }

// ManyDeliveries are named, or chosen.
type ManyDeliveries struct {
	HowToReplay
	IDs    []string        `json:"ids,omitempty" maxItems:"50"`
	Filter *DeliveryFilter `json:"filter,omitempty" doc:"Which deliveries; it must name something"`
}

type replayManyInput struct{ Body ManyDeliveries }

type replayManyOutput struct {
	Body struct {
		Items  []Replayed `json:"items" nullable:"false"`
		Done   int        `json:"done"`
		Failed int        `json:"failed"`
		Next   string     `json:"next_cursor,omitempty" doc:"The filter matches more: its cursor for the request that goes on"`
	}
}

func (s *Server) replays() {
	add(s, operation{
		method: http.MethodGet, path: "/deliveries/{id}/explanation", id: "explainDelivery", tag: tagDeliveries, scope: access.Read,
		summary: "Say in sentences why a delivery did, or did not, page anybody", errors: []int{http.StatusNotFound},
	}, s.explainDelivery)
	add(s, operation{
		method: http.MethodPost, path: "/deliveries/{id}/replay", id: "replayDelivery", tag: tagDeliveries, scope: access.Respond,
		summary: "Take a delivery through today's code, or say what that would come to", errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *replayInput) (*replayedOutput, error) {
		how := HowToReplay{}
		if in.Body != nil {
			how = *in.Body
		}
		done := s.replay(ctx, in.ID, how)
		if done.Problem != nil {
			return nil, done.Problem
		}
		return &replayedOutput{done}, nil
	})
	add(s, operation{
		method: http.MethodPost, path: "/deliveries/replay", id: "replayDeliveries", tag: tagDeliveries, scope: access.Respond,
		summary: "Take many deliveries through today's code, by their ids or by a filter",
		more:    "At most 50 at a time, the newest first. Each item has its own status.",
	}, s.replayMany)
}

func (s *Server) explainDelivery(ctx context.Context, in *Named) (*explanationOutput, error) {
	found, err := explain.Gather(ctx, s.deps.Record, in.ID)
	if isNotFound(err) {
		return nil, notFound("There is no such delivery.")
	}
	if err != nil {
		return nil, err
	}
	found.WorkflowURL = s.deps.WorkflowURL
	return &explanationOutput{explain.Delivery(found)}, nil
}

// replay takes one delivery through today's code.
func (s *Server) replay(ctx context.Context, id string, how HowToReplay) Replayed {
	done := Replayed{ID: id, Status: http.StatusOK}
	var err error
	if how.DryRun {
		var plan replay.Plan
		plan, err = s.deps.Replayer.Plan(ctx, id, replay.Options{Again: how.Again})
		done.Plan = &plan
	} else {
		var result replay.Result
		result, err = s.deps.Replayer.Run(ctx, id, replay.Options{Again: how.Again}, actor(ctx))
		if err == nil && !result.Taken() {
			err = s.notTaken(ctx, result.Reply)
		}
		done.Result = &result
	}
	if err != nil {
		done.Plan, done.Result = nil, nil
		done.Problem = s.explain(ctx, replayProblem(err))
		done.Status = done.Problem.Status
	}
	return done
}

// replayProblem says why a delivery cannot be replayed.
func replayProblem(err error) error {
	switch {
	case errors.Is(err, record.ErrNotFound):
		return notFound("There is no such delivery.")
	case errors.Is(err, replay.ErrNotKept):
		return fail(http.StatusConflict, codeState, "The bytes of this delivery are not kept.")
	case errors.Is(err, replay.ErrPart):
		return fail(http.StatusConflict, codeState, "This is one signal of a delivery that held several: replay the whole delivery.")
	case errors.Is(err, ingest.ErrNoSource):
		return fail(http.StatusConflict, codeState, "The source of this delivery is there no more.")
	case errors.Is(err, providers.ErrMalformed):
		return fail(http.StatusConflict, codeState, "Today's code cannot read this delivery.")
	}
	return err
}

func (s *Server) replayMany(ctx context.Context, in *replayManyInput) (*replayManyOutput, error) {
	ids, next, err := s.chosenDeliveries(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	out := &replayManyOutput{}
	out.Body.Items, out.Body.Next = make([]Replayed, 0, len(ids)), next
	for _, id := range ids {
		done := s.replay(ctx, id, in.Body.HowToReplay)
		if done.Problem == nil {
			out.Body.Done++
		} else {
			out.Body.Failed++
		}
		out.Body.Items = append(out.Body.Items, done)
	}
	return out, nil
}

func (s *Server) chosenDeliveries(ctx context.Context, in *ManyDeliveries) (ids []string, next string, err error) {
	switch {
	case len(in.IDs) > 0 && in.Filter != nil:
		return nil, "", invalidField("body.filter", "goes instead of ids, not beside them")
	case in.Filter != nil && in.Filter.empty():
		return nil, "", invalidField("body.filter", "names nothing, and would take every delivery")
	case len(in.IDs) == 0 && in.Filter == nil:
		return nil, "", invalidField("body.ids", "or filter is needed")
	case in.Filter == nil:
		seen := map[string]bool{}
		for _, id := range in.IDs {
			if !seen[id] {
				seen[id], ids = true, append(ids, id)
			}
		}
		return ids, "", nil
	}
	f := in.Filter.filter()
	f.Limit = maxReplays
	found, err := s.deps.Record.DeliveryPage(ctx, f)
	if err != nil {
		return nil, "", err
	}
	for i := range found.Items {
		ids = append(ids, found.Items[i].ID)
	}
	return ids, found.Next, nil
}
