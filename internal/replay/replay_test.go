package replay

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/record"
	"github.com/nerve-alerts/nerve/providers"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	alex  = audit.Actor{Person: "alex", Via: audit.ViaCLI}
	errDB = errors.New("away")
)

type fakes struct {
	deliveries map[string]contract.Delivery
	incidents  map[string]record.Incident
	entries    []audit.Entry
	auditErr   error

	batch    providers.Batch
	readErr  error
	read     *providers.Request
	previews []ingest.Preview
	submits  []ingest.Submission
}

func (f *fakes) Delivery(_ context.Context, id string) (contract.Delivery, error) {
	d, ok := f.deliveries[id]
	if !ok {
		return d, record.ErrNotFound
	}
	return d, nil
}

func (f *fakes) Incident(_ context.Context, id string) (record.Incident, error) {
	i, ok := f.incidents[id]
	if !ok {
		return i, record.ErrNotFound
	}
	return i, nil
}

func (f *fakes) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) {
	f.entries = append(f.entries, e)
	return e, f.auditErr
}

func (f *fakes) Open(sealed, associated []byte) ([]byte, error) {
	if string(associated) != "nerve/delivery/shop/d" {
		return nil, errors.New("another delivery's bytes")
	}
	return sealed, nil
}

func (f *fakes) Reread(_ string, r *providers.Request) (*providers.Batch, error) {
	f.read = r
	b := f.batch
	return &b, f.readErr
}

func (f *fakes) Preview(ingest.Submission) ([]ingest.Preview, error) { return f.previews, nil }

func (f *fakes) Submit(_ context.Context, in ingest.Submission) (ingest.Reply, error) {
	f.submits = append(f.submits, in)
	return ingest.Reply{DeliveryID: "new", Outcome: contract.OutcomeDuplicate, Status: http.StatusOK}, nil
}

func kept() contract.Delivery {
	return contract.Delivery{
		ID: "d", Source: "shop", Provider: "generic", ReceivedAt: noon, Outcome: contract.OutcomeAccepted, Status: 200, Signals: 1,
		Scheme: "generic", Assurance: "signed", SecretID: "0a", EventID: "e", EventType: "alert", ContentType: "application/json", SHA256: "00",
		WorkflowID: "shop:alert:1", IncidentID: "i", Fingerprint: "f", Headers: map[string]string{"Webhook-Id": "e"}, Sealed: []byte("{}"),
		Trace: &contract.Trace{
			Key: "shop:alert:1", KeyKind: incident.KeyAlert, Window: contract.WindowKey, Identity: contract.IdentityBytes,
		},
	}
}

func preview() ingest.Preview {
	return ingest.Preview{
		WorkflowID: "shop:alert:1", KeyKind: incident.KeyAlert, Window: contract.WindowKey, Fingerprint: "f", EventID: "e", EventType: "alert",
		Title: "Mail of <EMAIL_1> bounced", Severity: incident.SeverityHigh, Status: incident.StatusFiring, Tags: map[string]string{"env": "prod"},
	}
}

func setUp() (*fakes, *Replayer) {
	f := &fakes{deliveries: map[string]contract.Delivery{"d": kept()}, incidents: map[string]record.Incident{}}
	f.batch.Signals = []incident.Signal{{Title: "t"}}
	f.previews = []ingest.Preview{preview()}
	return f, &Replayer{Record: f, Opener: f, Front: f}
}

func TestRunGoesThroughThePipeline(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	got, err := r.Run(t.Context(), "d", Options{Again: true}, alex)
	require.NoError(t, err)
	assert.Equal(t, "d", got.ReplayOf)
	assert.Equal(t, contract.OutcomeDuplicate, got.Outcome)
	require.Len(t, f.submits, 1)
	in := f.submits[0]
	assert.Equal(t, "d", in.ReplayOf)
	assert.True(t, in.Again)
	assert.True(t, in.Untimed, "the bytes are what comes once")
	assert.Equal(t, noon, in.At, "an alert without a time happened when it came")
	assert.Equal(t, providers.Proof{Scheme: "generic", Assurance: providers.AssuranceSigned, SecretID: "0a"}, in.Proof)
	assert.Equal(t, "e", f.read.Header.Get("Webhook-Id"))
	assert.Equal(t, "application/json", f.read.Header.Get("Content-Type"))
	require.Len(t, f.entries, 1)
	assert.Equal(t, ActionReplay, f.entries[0].Action)
	assert.Equal(t, "d", f.entries[0].Target)
	assert.Equal(t, alex, f.entries[0].Actor)
}

func TestRunIsNotWithoutItsAuditEntry(t *testing.T) {
	t.Parallel()
	f, r := setUp()
	f.auditErr = errDB
	_, err := r.Run(t.Context(), "d", Options{}, alex)
	require.ErrorIs(t, err, errDB)
	assert.Empty(t, f.submits)
}

func TestWhatCannotBeReplayed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*contract.Delivery)
		want   error
	}{
		"not there":   {func(d *contract.Delivery) { d.ID = "" }, record.ErrNotFound},
		"a part":      {func(d *contract.Delivery) { d.Part = 2 }, ErrPart},
		"not proved":  {func(d *contract.Delivery) { d.Sealed, d.Assurance = nil, "" }, ErrNotKept},
		"handshake":   {func(d *contract.Delivery) { d.Sealed, d.Outcome = nil, contract.OutcomeHandshake }, ErrNotKept},
		"cleaned up":  {func(d *contract.Delivery) { d.Sealed = nil }, ErrNotKept},
		"not its own": {func(d *contract.Delivery) { d.Source = "other" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, r := setUp()
			d := kept()
			tc.change(&d)
			f.deliveries["d"] = d
			if d.ID == "" {
				delete(f.deliveries, "d")
			}
			_, err := r.Run(t.Context(), "d", Options{}, alex)
			require.Error(t, err)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
			_, err = r.Plan(t.Context(), "d", Options{})
			require.Error(t, err)
			assert.Empty(t, f.submits)
			assert.Empty(t, f.entries, "nothing happened, so nothing is told")
		})
	}
}
