package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/internal/silence"
)

const tagSilences = "silences"

// Silence is a silence, and where it is in its life.
type Silence struct {
	record.Silence
	State string `json:"state" enum:"holds,waits,ended,over" doc:"ended: by somebody, before its time"`
}

func (s *Server) viewSilence(in *record.Silence) Silence {
	return Silence{*in, in.State(s.deps.Now())}
}

// NewSilence is a silence that somebody wants.
type NewSilence struct {
	Expression string    `json:"expression" minLength:"1" maxLength:"2000" doc:"CEL over the signal, see docs/silences.md"`
	StartsAt   time.Time `json:"starts_at,omitzero" doc:"Now by default"`
	EndsAt     time.Time `json:"ends_at" doc:"31 days after the start at most"`
	Why        string    `json:"why" minLength:"1" maxLength:"500" doc:"For whoever wonders later why nothing was said"`
}

type silencesInput struct {
	Paging
	Ahead bool `query:"ahead" doc:"Only those that hold or will"`
}

// silenceAnswer is a silence that was added or ended. Neither is undone by what
// could not be told of it, so that is a warning.
type silenceAnswer struct {
	Silence
	Told     int      `json:"told,omitempty" doc:"How many incidents that are held back were told of the end; those that another silence holds too stay quiet"`
	Warnings []string `json:"warnings,omitempty"`
}

type addSilenceInput struct{ Body NewSilence }

type addedSilenceOutput struct {
	Location string `header:"Location"`
	Body     silenceAnswer
}

type silenceOutput struct{ Body Silence }

type endedSilenceOutput struct{ Body silenceAnswer }

type endSilenceInput struct {
	Named
	Body *decided `required:"false"`
}

func (s *Server) silences() {
	add(s, operation{
		method: http.MethodGet, path: "/silences", id: "listSilences", tag: tagSilences, scope: access.Read,
		summary: "List silences, the one that ends last first",
	}, s.listSilences)
	add(s, operation{
		method: http.MethodGet, path: "/silences/{id}", id: "showSilence", tag: tagSilences, scope: access.Read,
		summary: "Show one silence", errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *Named) (*silenceOutput, error) {
		found, err := s.silence(ctx, in.ID)
		return &silenceOutput{s.viewSilence(&found)}, err
	})
	add(s, operation{
		method: http.MethodPost, path: "/silences", id: "addSilence", tag: tagSilences, scope: access.Respond,
		summary: "Keep the incidents of some signals quiet for a time", status: http.StatusCreated,
		more: "What it holds back is recorded and counted, and what still fires when it ends is raised. 200 silences can hold or wait at a time.",
	}, s.addSilence)
	add(s, operation{
		method: http.MethodPost, path: "/silences/{id}/end", id: "endSilence", tag: tagSilences, scope: access.Respond,
		summary: "End a silence now; what it holds and still fires is raised", errors: []int{http.StatusNotFound},
		more: "One that somebody has ended already is answered with 200 too, and what it holds is told again.",
	}, s.endSilence)
	add(s, operation{
		method: http.MethodPost, path: "/silences/test", id: "testSilence", tag: tagSilences, scope: access.Read,
		summary: "Say which of the newest incidents an expression would have silenced",
		more:    "It sees incidents as they are recorded, scrubbed: an address or a number in them is a token.",
	}, s.testSilence)
}

func (s *Server) listSilences(ctx context.Context, in *silencesInput) (*pageOf[Silence], error) {
	f := record.SilenceFilter{Limit: in.Limit, After: in.Cursor}
	if in.Ahead {
		f.AheadAt = s.deps.Now()
	}
	found, err := s.deps.Record.SilencePage(ctx, f)
	if err != nil {
		return nil, err
	}
	return listed(found, s.viewSilence), nil
}

func (s *Server) silence(ctx context.Context, id string) (record.Silence, error) {
	found, err := s.deps.Record.Silence(ctx, id)
	if isNotFound(err) {
		return found, notFound("There is no such silence.")
	}
	return found, err
}

func (s *Server) addSilence(ctx context.Context, in *addSilenceInput) (*addedSilenceOutput, error) {
	d := silence.Draft{Expression: in.Body.Expression, StartsAt: in.Body.StartsAt, EndsAt: in.Body.EndsAt, Why: in.Body.Why}
	added, untold, err := s.deps.Silences.Add(ctx, d, actor(ctx))
	if err != nil {
		return nil, silenceProblem(err)
	}
	return &addedSilenceOutput{
		Location: Prefix + "/silences/" + added.ID,
		Body:     silenceAnswer{Silence: s.viewSilence(&added), Warnings: s.unannounced(ctx, untold)},
	}, nil
}

// endSilence ends a silence, and tells what it holds. One that was ended before
// is told of again: whoever did may not have come so far.
func (s *Server) endSilence(ctx context.Context, in *endSilenceInput) (*endedSilenceOutput, error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	ended, untold, err := s.deps.Silences.End(ctx, in.ID, reason, actor(ctx))
	if errors.Is(err, record.ErrEnded) {
		if ended, err = s.silence(ctx, in.ID); err == nil && ended.EndedAt.IsZero() {
			err = fail(http.StatusConflict, codeState, "The silence was over at "+ended.EndsAt.Format(time.RFC3339)+".")
		}
	}
	if isNotFound(err) {
		err = notFound("There is no such silence.")
	}
	if err != nil {
		return nil, err
	}
	out := &endedSilenceOutput{silenceAnswer{Silence: s.viewSilence(&ended), Warnings: s.unannounced(ctx, untold)}}
	out.Body.Told, err = s.deps.Operator.ReleaseSilence(ctx, contract.SilenceEnded{ID: ended.ID, Actor: actor(ctx), Reason: reason})
	if err != nil {
		s.deps.Log.WarnContext(ctx, "what a silence holds was not told of its end", "silence", ended.ID, "error", err)
		out.Body.Warnings = append(out.Body.Warnings, "Not every incident that it holds could be told: they hear of it from the worker within a minute.")
	}
	return out, nil
}

// unannounced warns that a change is heard of later than at once.
func (s *Server) unannounced(ctx context.Context, untold error) []string {
	if untold == nil {
		return nil
	}
	s.deps.Log.WarnContext(ctx, "a changed silence was not announced", "error", untold)
	return []string{"It could not be announced: every ingest with a database hears of it within 30 seconds."}
}

type testSilenceInput struct {
	Body struct {
		Expression string `json:"expression" minLength:"1" maxLength:"2000"`
		Newest     int    `json:"newest,omitempty" minimum:"1" maximum:"1000" default:"200" doc:"How many of the newest incidents it is tried on"`
	}
}

// Trial is what an expression would have done.
type Trial struct {
	Looked  int        `json:"looked" doc:"Incidents that it was tried on"`
	Held    []Incident `json:"held" nullable:"false" doc:"Those that it is true for, the newest first"`
	Failed  int        `json:"failed,omitempty" doc:"Those that it could not be evaluated for, which would have been raised"`
	Failure string     `json:"failure,omitempty"`
}

type trialOutput struct{ Body Trial }

func (s *Server) testSilence(ctx context.Context, in *testSilenceInput) (*trialOutput, error) {
	found, err := s.deps.Silences.Try(ctx, in.Body.Expression, in.Body.Newest)
	if err != nil {
		return nil, silenceProblem(err)
	}
	out := &trialOutput{Trial{Looked: found.Looked, Held: make([]Incident, len(found.Held)), Failed: found.Failed, Failure: found.Failure}}
	for i := range found.Held {
		out.Body.Held[i] = viewIncident(&found.Held[i])
	}
	return out, nil
}

// silenceProblem says what is wrong with a silence. These errors are written for
// people, and quote nothing but what the caller has sent.
func silenceProblem(err error) error {
	if wrong, ok := errors.AsType[*silence.CompileError](err); ok {
		fields := make([]incident.FieldError, len(wrong.Mistakes))
		for i, m := range wrong.Mistakes {
			fields[i] = incident.FieldError{Field: "body.expression", Code: "invalid", Message: m.String()}
		}
		return invalid(fields...)
	}
	draft, ok := errors.AsType[*silence.DraftError](err)
	switch {
	case !ok:
		return err
	case draft.Field == "":
		return fail(http.StatusConflict, codeState, draft.Problem)
	}
	return invalidField("body."+draft.Field, draft.Problem)
}
