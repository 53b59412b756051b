package replay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/providers"
)

// Errors that callers tell apart.
var (
	ErrNotKept = errors.New("replay: the bytes of this delivery are not kept")
	ErrPart    = errors.New("replay: this is one signal of a delivery that held several: replay the whole delivery")
)

// ActionReplay is the entry of the audit log that each run leaves.
const ActionReplay = "delivery.replay"

// Record is what the package needs of the record.
type Record interface {
	Delivery(ctx context.Context, id string) (contract.Delivery, error)
	Incident(ctx context.Context, id string) (record.Incident, error)
	AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error)
}

// Opener decrypts what ingest sealed.
type Opener interface {
	Open(sealed, associated []byte) ([]byte, error)
}

// Front is ingest behind another door than a webhook's.
type Front interface {
	Reread(source string, r *providers.Request) (*providers.Batch, error)
	Preview(in ingest.Submission) ([]ingest.Preview, error)
	Submit(ctx context.Context, in ingest.Submission) (ingest.Reply, error)
}

// Replayer replays deliveries.
type Replayer struct {
	Record Record
	Opener Opener
	Front  Front
}

// Options say how to replay.
type Options struct {
	// Again makes an incident of its own of each signal, whatever runs already.
	Again bool
}

// Result is what a replay came to.
type Result struct {
	ReplayOf string `json:"replay_of"`
	ingest.Reply
}

// Run replays a delivery. The audit log has who did before anything happens. Its
// errors are record.ErrNotFound, ErrNotKept, ErrPart, ingest.ErrNoSource, and
// those of a provider that cannot read it.
func (r *Replayer) Run(ctx context.Context, id string, o Options, by audit.Actor) (Result, error) {
	d, body, err := r.load(ctx, id)
	if err != nil {
		return Result{}, err
	}
	in, err := r.submission(&d, body, o)
	if err != nil {
		return Result{}, err
	}
	_, err = r.Record.AppendAudit(ctx, audit.Entry{
		Actor: by, Action: ActionReplay, Target: d.ID,
		Detail: map[string]string{"source": d.Source, "sha256": d.SHA256, "again": strconv.FormatBool(o.Again)},
	})
	if err != nil {
		return Result{}, err
	}
	reply, err := r.Front.Submit(ctx, in)
	return Result{ReplayOf: d.ID, Reply: reply}, err
}

// load reads a delivery and opens its bytes.
func (r *Replayer) load(ctx context.Context, id string) (contract.Delivery, []byte, error) {
	d, err := r.Record.Delivery(ctx, id)
	switch {
	case err != nil:
		return d, nil, err
	case d.Part > 0:
		return d, nil, ErrPart
	case len(d.Sealed) == 0:
		return d, nil, fmt.Errorf("%w: %s", ErrNotKept, whyNotKept(&d))
	}
	body, err := r.Opener.Open(d.Sealed, contract.SealContext(d.Source, d.ID))
	if err != nil {
		return d, nil, fmt.Errorf("replay: open the bytes of %s: %w", d.ID, err)
	}
	return d, body, nil
}

func whyNotKept(d *contract.Delivery) string {
	switch {
	case d.Assurance == "":
		return "nothing proved where it came from"
	case d.Outcome == contract.OutcomeHandshake:
		return "it only checked the endpoint"
	default:
		return "they were cleaned up, or too large for the incident that recorded it"
	}
}

// submission reads a delivery with today's code.
func (r *Replayer) submission(d *contract.Delivery, body []byte, o Options) (ingest.Submission, error) {
	header := http.Header{}
	for name, value := range d.Headers {
		header.Set(name, value)
	}
	if d.ContentType != "" {
		header.Set("Content-Type", d.ContentType)
	}
	batch, err := r.Front.Reread(d.Source, &providers.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/webhooks/" + d.Source}, Header: header, Body: body, ReceivedAt: d.ReceivedAt,
	})
	if err != nil {
		return ingest.Submission{}, err
	}
	return ingest.Submission{
		Source: d.Source, Batch: batch, Body: body, At: d.ReceivedAt, ContentType: d.ContentType, Headers: d.Headers,
		Proof:   providers.Proof{Scheme: d.Scheme, Assurance: providers.Assurance(d.Assurance), SecretID: d.SecretID},
		Untimed: d.Trace != nil && d.Trace.Identity == contract.IdentityBytes, ReplayOf: d.ID, Again: o.Again,
	}, nil
}
