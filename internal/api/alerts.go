package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/providers"
)

// SourceName is the source that alerts of one's own programs come by.
const SourceName = "api"

const tagAlerts = "alerts"

// Alert is what a program of one's own raises.
type Alert struct {
	Title       string `json:"title" minLength:"1" doc:"Cut at 500 characters"`
	Severity    string `json:"severity" enum:"critical,high,medium,low,info"`
	Status      string `json:"status,omitempty" enum:"firing,resolved" doc:"firing by default; resolved closes the incident of the same deduplication_key"`
	Description string `json:"description,omitempty" doc:"Cut at 5,000 characters"`
	// DeduplicationKey tells alerts apart; without one the title does.
	DeduplicationKey string            `json:"deduplication_key,omitempty" maxLength:"500" doc:"What makes two alerts the same one; the title by default"`
	Tags             map[string]string `json:"tags,omitempty" doc:"At most 64"`
	Links            []incident.Link   `json:"links,omitempty" maxItems:"20"`
	Timestamp        time.Time         `json:"timestamp,omitzero" doc:"When it happened; now by default"`
}

// signal is the alert as every source has it.
func (a *Alert) signal() incident.Signal {
	s := incident.Signal{
		Kind: incident.KindAlert, Severity: incident.Severity(a.Severity), Status: incident.StatusFiring, EventType: "alert." + string(incident.StatusFiring),
		Timestamp: a.Timestamp, Title: a.Title, Description: a.Description, Tags: a.Tags, Links: a.Links,
		Key: incident.Key{Kind: incident.KeyAlert, Value: "key:" + a.DeduplicationKey},
	}
	if a.DeduplicationKey == "" {
		s.Key.Value = "title:" + a.Title
	}
	if a.Status == string(incident.StatusResolved) {
		s.Status, s.EventType = incident.StatusResolved, "alert."+a.Status
	}
	return s
}

// Headers by which the delivery log keeps who raised an alert and under which id.
const actorHeader = "X-Nerve-Actor"

// deliveryHeaders name a delivery, the first that is there (row D5).
var deliveryHeaders = []string{idempotencyHeader, "X-Delivery-Id", requestIDHeader}

// Own reads the alerts of one's own programs. It proves nothing: what comes by
// POST /alerts was proved by its token, and there is no other door.
type Own struct{}

// Verify refuses everything.
func (Own) Verify(*providers.Request) (providers.Proof, error) {
	return providers.Proof{}, fmt.Errorf("api: %w: alerts come by POST %s/alerts", providers.ErrUnsigned, Prefix)
}

// Parse reads an alert again.
func (Own) Parse(r *providers.Request) (providers.Batch, error) {
	var a Alert
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return providers.Batch{}, fmt.Errorf("api: %w: not an alert", providers.ErrMalformed)
	}
	return batchOf(&a, r.Header.Get(actorHeader), r.Header), nil
}

// Sign signs nothing.
func (Own) Sign(*providers.Request, time.Time) {}

// batchOf is one alert. Its id counts for whoever raised it alone: two programs
// that count from 1 must not take each other's alerts for repeats.
func batchOf(a *Alert, person string, h http.Header) providers.Batch {
	signal := a.signal()
	b := providers.Batch{EventType: signal.EventType, Signals: []incident.Signal{signal}}
	for _, name := range deliveryHeaders {
		if id := h.Get(name); id != "" {
			b.EventID = person + "/" + id
			break
		}
	}
	return b
}

type alertInput struct {
	DeliveryID string `header:"X-Delivery-Id" maxLength:"255" doc:"Names the delivery where there is no Idempotency-Key"`
	RequestID  string `header:"X-Request-Id" maxLength:"255" doc:"Names the delivery where there is neither"`
	RawBody    []byte
	Body       Alert

	key, contentType, address string
}

// Resolve takes from the request what is kept in the delivery log.
func (in *alertInput) Resolve(ctx huma.Context) []error {
	in.key, in.contentType = ctx.Header(idempotencyHeader), ctx.Header("Content-Type")
	in.address = humagin.Unwrap(ctx).ClientIP()
	return nil
}

func (in *alertInput) headers(person string) http.Header {
	h := http.Header{}
	h.Set(actorHeader, person)
	for name, value := range map[string]string{idempotencyHeader: in.key, "X-Delivery-Id": in.DeliveryID, requestIDHeader: in.RequestID} {
		if value != "" {
			h.Set(name, value)
		}
	}
	return h
}

// Raised is what became of an alert.
type Raised struct {
	Outcome    contract.Outcome `json:"outcome" doc:"accepted started an incident; duplicate, debounced and folded belong to one; resolved closed it; ignored found nothing to close"`
	DeliveryID string           `json:"delivery_id"`
	IncidentID string           `json:"incident_id,omitempty"`
	WorkflowID string           `json:"workflow_id,omitempty"`
	Reason     string           `json:"reason,omitempty"`
}

type alertOutput struct {
	Status   int
	Location string `header:"Location" doc:"The incident"`
	Body     Raised
}

func (s *Server) alerts() {
	add(s, operation{
		method: http.MethodPost, path: "/alerts", id: "raiseAlert", tag: tagAlerts, scope: access.Respond,
		summary: "Raise an alert, or say that it is over", status: http.StatusCreated, repeat: guard,
		more: "It goes the way of every webhook: windows, limits, delivery log. The answer is given when the alert is durable. Repeat a request that was answered 5xx or not at all under the same Idempotency-Key.",
		extra: map[string]*huma.Response{"200": {
			Description: "The alert belongs to an incident that is there, or closed it",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Raised"}}},
		}},
	}, s.raise)
}

func (s *Server) raise(ctx context.Context, in *alertInput) (*alertOutput, error) {
	who := principal(ctx)
	header := in.headers(who.Actor.Person)
	batch := batchOf(&in.Body, who.Actor.Person, header)
	kept := map[string]string{}
	for name := range header {
		kept[name] = header.Get(name)
	}
	reply, err := s.deps.Intake.Submit(ctx, ingest.Submission{
		Source: SourceName, Batch: &batch, Body: in.RawBody, ContentType: in.contentType, Headers: kept, RemoteIP: in.address,
		Proof: providers.Proof{Scheme: "api", Assurance: providers.AssuranceToken, SecretID: who.Actor.Credential},
	})
	if err != nil {
		return nil, err
	}
	if !reply.Taken() {
		for i := range reply.Fields {
			reply.Fields[i].Field = "body." + reply.Fields[i].Field
		}
		return nil, s.notTaken(ctx, reply)
	}
	out := &alertOutput{Status: http.StatusOK, Body: Raised{
		Outcome: reply.Outcome, DeliveryID: reply.DeliveryID, IncidentID: reply.IncidentID, WorkflowID: reply.WorkflowID, Reason: reply.Reason,
	}}
	if reply.Outcome == contract.OutcomeAccepted {
		out.Status = http.StatusCreated
	}
	if reply.IncidentID != "" {
		out.Location = Prefix + "/incidents/" + reply.IncidentID
	}
	return out, nil
}

// notTaken says why an alert is not durable.
func (s *Server) notTaken(ctx context.Context, r ingest.Reply) *Problem {
	var p *Problem
	switch {
	case len(r.Fields) > 0:
		return invalid(r.Fields...)
	case r.Status == http.StatusTooManyRequests:
		p = fail(r.Status, codeLimited, "More alerts come than are taken. Send it again later.")
	case r.Status >= http.StatusInternalServerError:
		if !errors.Is(r.Err, context.Canceled) {
			s.deps.Log.WarnContext(ctx, "an alert was not taken", "delivery_id", r.DeliveryID, "reason", r.Reason, "error", r.Err)
		}
		p = away("The alert could not be taken. Send it again later.")
	default:
		p = fail(r.Status, codeInvalid, "The alert was refused.")
	}
	if r.RetryAfter > 0 {
		p.after = r.RetryAfter
	}
	return p
}
