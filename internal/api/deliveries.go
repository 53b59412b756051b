package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/record"
)

const tagDeliveries = "deliveries"

// Delivery is one request to a source, and what became of it.
type Delivery struct {
	ID          string            `json:"id"`
	Part        int               `json:"part,omitempty" doc:"0 is the request; 1, 2 … are the signals of one that held several"`
	Source      string            `json:"source"`
	Provider    string            `json:"provider"`
	ReceivedAt  time.Time         `json:"received_at"`
	RemoteIP    string            `json:"remote_ip,omitempty"`
	EventID     string            `json:"event_id,omitempty"`
	EventType   string            `json:"event_type,omitempty"`
	Scheme      string            `json:"scheme,omitempty" doc:"How it was proved"`
	Assurance   string            `json:"assurance,omitempty"`
	SecretID    string            `json:"secret_id,omitempty" doc:"Which secret matched"`
	Outcome     string            `json:"outcome"`
	Reason      string            `json:"reason,omitempty"`
	Code        string            `json:"code,omitempty"`
	Status      int               `json:"status" doc:"The HTTP status that was answered"`
	Signals     int               `json:"signals"`
	IncidentID  string            `json:"incident_id,omitempty"`
	WorkflowID  string            `json:"workflow_id,omitempty"`
	Fingerprint string            `json:"fingerprint,omitempty"`
	Count       int64             `json:"count,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
	Size        int               `json:"size"`
	SHA256      string            `json:"sha256,omitempty"`
	Raw         bool              `json:"raw" doc:"Whether its bytes are kept; a list does not know"`
	Trace       *contract.Trace   `json:"trace,omitempty"`
}

func viewDelivery(d *contract.Delivery) Delivery {
	return Delivery{
		ID: d.ID, Part: d.Part, Source: d.Source, Provider: d.Provider, ReceivedAt: d.ReceivedAt, RemoteIP: d.RemoteIP,
		EventID: d.EventID, EventType: d.EventType, Scheme: d.Scheme, Assurance: d.Assurance, SecretID: d.SecretID,
		Outcome: string(d.Outcome), Reason: d.Reason, Code: d.Code, Status: d.Status, Signals: d.Signals,
		IncidentID: d.IncidentID, WorkflowID: d.WorkflowID, Fingerprint: d.Fingerprint, Count: d.Count, Headers: d.Headers,
		ContentType: d.ContentType, Size: d.Size, SHA256: d.SHA256, Raw: len(d.Sealed) > 0, Trace: d.Trace,
	}
}

type deliveriesInput struct {
	Paging
	Source   string    `query:"source" maxLength:"40"`
	Incident string    `query:"incident" maxLength:"200" doc:"Only those of an incident"`
	Outcome  []string  `query:"outcome" enum:"accepted,duplicate,debounced,folded,limited,resolved,ignored,stored,handshake,rejected,failed" doc:"Only those with any of these, comma-separated"`
	Event    string    `query:"event" maxLength:"200" doc:"Only those with this id of the sender's"`
	Secret   string    `query:"secret" maxLength:"64" doc:"Only those that this secret proved"`
	Since    time.Time `query:"since" doc:"Only those received then or later"`
	Until    time.Time `query:"until" doc:"Only those received before"`
	Text     string    `query:"text" maxLength:"200" doc:"Only those with this in the reason or the code"`
	Parts    bool      `query:"parts" doc:"Also the parts of deliveries that held several signals"`
}

// DeliveryFilter is the same as a body has it.
type DeliveryFilter struct {
	Source   string    `json:"source,omitempty" maxLength:"40"`
	Incident string    `json:"incident,omitempty" maxLength:"200"`
	Outcome  []string  `json:"outcome,omitempty" enum:"accepted,duplicate,debounced,folded,limited,resolved,ignored,stored,handshake,rejected,failed"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Cursor   string    `json:"cursor,omitempty" maxLength:"500"`
}

func (f *DeliveryFilter) empty() bool {
	return f.Source == "" && f.Incident == "" && len(f.Outcome) == 0 && f.Since.IsZero() && f.Until.IsZero()
}

func (f *DeliveryFilter) filter() record.DeliveryFilter {
	return record.DeliveryFilter{
		Source: f.Source, IncidentID: f.Incident, Outcomes: outcomes(f.Outcome), Since: f.Since, Until: f.Until, After: f.Cursor,
	}
}

func outcomes(names []string) []contract.Outcome {
	var list []contract.Outcome
	for _, name := range names {
		list = append(list, contract.Outcome(name))
	}
	return list
}

type deliveryOutput struct{ Body Delivery }

func (s *Server) deliveries() {
	add(s, operation{
		method: http.MethodGet, path: "/deliveries", id: "listDeliveries", tag: tagDeliveries, scope: access.Read,
		summary: "List deliveries, the one received last first",
	}, s.listDeliveries)
	add(s, operation{
		method: http.MethodGet, path: "/deliveries/{id}", id: "showDelivery", tag: tagDeliveries, scope: access.Read,
		summary: "Show one delivery", errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *Named) (*deliveryOutput, error) {
		d, err := s.delivery(ctx, in.ID)
		return &deliveryOutput{viewDelivery(&d)}, err
	})
	add(s, operation{
		method: http.MethodGet, path: "/deliveries/{id}/raw", id: "downloadDelivery", tag: tagDeliveries, scope: access.Respond,
		summary: "Download the bytes of a delivery as they came",
		more:    "They are not scrubbed: they may hold personal data and secrets. Every download is entered in the audit log before the first byte goes out. X-Original-Content-Type says what the sender called them.",
		errors:  []int{http.StatusNotFound},
		extra:   rawResponse(),
	}, s.download)
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesInput) (*pageOf[Delivery], error) {
	f := record.DeliveryFilter{
		Source: in.Source, IncidentID: in.Incident, EventID: in.Event, SecretID: in.Secret, Since: in.Since, Until: in.Until,
		Text: in.Text, Parts: in.Parts, Limit: in.Limit, After: in.Cursor,
	}
	f.Outcomes = outcomes(in.Outcome)
	found, err := s.deps.Record.DeliveryPage(ctx, f)
	if err != nil {
		return nil, err
	}
	return listed(found, viewDelivery), nil
}

func (s *Server) delivery(ctx context.Context, id string) (contract.Delivery, error) {
	d, err := s.deps.Record.Delivery(ctx, id)
	if isNotFound(err) {
		return d, notFound("There is no such delivery.")
	}
	return d, err
}

const octets = "application/octet-stream"

func rawResponse() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "The bytes",
		Content:     map[string]*huma.MediaType{octets: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}}
}

type rawOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Original    string `header:"X-Original-Content-Type"`
	SHA256      string `header:"X-Content-SHA256"`
	Body        []byte
}

// download gives the bytes of a delivery, as something that no browser shows.
func (s *Server) download(ctx context.Context, in *Named) (*rawOutput, error) {
	d, err := s.delivery(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if len(d.Sealed) == 0 {
		return nil, notFound("The bytes of this delivery are not kept.")
	}
	plain, err := s.deps.Sealer.Open(d.Sealed, contract.SealContext(d.Source, d.ID))
	if err != nil {
		return nil, err
	}
	_, err = s.deps.Record.AppendAudit(ctx, audit.Entry{
		Actor: actor(ctx), Action: "delivery.download", Target: d.ID,
		Detail: map[string]string{"source": d.Source, "sha256": d.SHA256},
	})
	if err != nil {
		return nil, err
	}
	return &rawOutput{
		ContentType: octets, Disposition: `attachment; filename="` + d.ID + `.bin"`,
		Original: d.ContentType, SHA256: d.SHA256, Body: plain,
	}, nil
}
