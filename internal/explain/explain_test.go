package explain

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

var update = flag.Bool("update", false, "rewrite the golden files; the diff is the review")

// constants are the values of the string constants of a file whose names begin
// with a prefix, so that one that is added later is walked too.
func constants(t *testing.T, file, prefix string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var found []string
	for _, d := range parsed.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			v, ok := s.(*ast.ValueSpec)
			if !ok || len(v.Values) == 0 || !strings.HasPrefix(v.Names[0].Name, prefix) {
				continue
			}
			literal, ok := v.Values[0].(*ast.BasicLit)
			require.True(t, ok, v.Names[0].Name)
			value, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			found = append(found, value)
		}
	}
	require.NotEmpty(t, found, "%s has no constants %s…", file, prefix)
	return found
}

// Whatever the rest of nerve can say of a delivery, there is a sentence for it.
func TestNothingIsWithoutASentence(t *testing.T) {
	t.Parallel()
	const delivery = "../contract/delivery.go"
	assert.Len(t, contract.Outcomes(), len(constants(t, delivery, "Outcome")), "contract.Outcomes has them all")
	for _, o := range append(contract.Outcomes(), "") {
		assert.NotEmpty(t, outcomes[o].headline, "outcome %q", o)
		assert.NotEmpty(t, outcomes[o].short, "outcome %q", o)
	}
	require.NotEmpty(t, contract.Reasons())
	for _, r := range contract.Reasons() {
		assert.NotEmpty(t, reasons[r].text, "reason %s", r)
	}
	assert.Len(t, reasons, len(contract.Reasons()), "a reason that nobody gives any more")
	for prefix, said := range map[string]map[string]string{"Rule": ruleTexts, "Window": layers, "Identity": identities} {
		for _, value := range constants(t, delivery, prefix) {
			assert.NotEmpty(t, said[value], "%s %s", prefix, value)
		}
	}
	for _, h := range contract.Handlers {
		_, said := handlers[h]
		assert.True(t, said, "handler %s", h)
	}
	for _, code := range constants(t, "../ingest/problem.go", "code") {
		assert.NotEmpty(t, codes[code], "code %s", code)
	}
}

// Every outcome with every reason makes whole sentences.
func TestSentencesAreWhole(t *testing.T) {
	t.Parallel()
	for _, o := range append(contract.Outcomes(), "", "later") {
		for _, r := range append(contract.Reasons(), contract.Reason{}, contract.ReasonInvalidFields.With("title (required)")) {
			for _, d := range []contract.Delivery{{ID: "d", Source: "s"}, filled()} {
				d.Outcome, d.Reason = o, r.String()
				e := Delivery(Input{Delivery: d})
				for _, line := range append(append([]string{e.Headline}, e.Facts...), e.Next...) {
					assert.NotContains(t, line, "{", "%s %s", o, r)
					assert.NotContains(t, line+" ", "  ", "%s %s", o, r)
					assert.NotContains(t, line, "..", "%s %s", o, r)
				}
				for _, line := range append([]string{e.Headline}, e.Facts...) {
					assert.True(t, strings.HasSuffix(line, ".") || strings.Contains(line, "Workflow id: "), line)
				}
			}
		}
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const id = "019c4a5e-0000-7000-8000-000000000001"

// filled is a delivery that opened an incident.
func filled() contract.Delivery {
	return contract.Delivery{
		ID: id, Source: "datadog-prod", Provider: "datadog", ReceivedAt: noon, RemoteIP: "192.0.2.7",
		EventID: "7800000000000000001", EventType: "alert", Scheme: "token", Assurance: "token", SecretID: "0a1b2c3d",
		Outcome: contract.OutcomeAccepted, Status: 200, Signals: 1, WorkflowID: "datadog-prod:alert:a946", IncidentID: "datadog_a946_tow", Count: 1,
		ContentType: "application/json", Size: 1234, SHA256: strings.Repeat("ab", 32), Sealed: []byte{1},
		Trace: &contract.Trace{
			Key: "datadog-prod:alert:a946", KeyKind: incident.KeyAlert, Identity: contract.IdentityEvent, Window: contract.WindowKey,
			WindowStart: noon, WindowEnd: noon.Add(5 * time.Minute), Rule: contract.RuleNew, Handler: contract.HandlerTriage,
		},
	}
}

// unproved is a delivery of which nothing but metadata was kept.
func unproved(reason contract.Reason, code string, status int) contract.Delivery {
	return contract.Delivery{
		ID: id, Source: "datadog-prod", Provider: "datadog", ReceivedAt: noon, RemoteIP: "192.0.2.7", Size: 77, ContentType: "application/json",
		Outcome: contract.OutcomeRejected, Reason: reason.String(), Code: code, Status: status,
	}
}

func changed(change func(*contract.Delivery)) contract.Delivery {
	d := filled()
	change(&d)
	return d
}

func TestExplanations(t *testing.T) {
	t.Parallel()
	known := map[string]Incident{"datadog_a946_tow": {
		ID: "datadog_a946_tow", Title: "Error rate is high", Severity: incident.SeverityHigh, Status: incident.StatusFiring,
		Phase: contract.PhaseOpen, OpenedAt: noon,
	}}
	for name, in := range cases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in.Incidents = known
			in.WorkflowURL = func(id string) string { return "https://temporal.example.com/workflows/" + id }
			golden(t, name, Delivery(in).Text(98))
		})
	}
}

func cases() map[string]Input {
	part := func(n int, o contract.Outcome, r contract.Reason) contract.Delivery {
		return changed(func(d *contract.Delivery) {
			d.ID, d.Part, d.Signals, d.Outcome, d.Reason = contract.PartID(id, n), n, 3, o, r.String()
			d.Trace.Rule = map[contract.Outcome]string{contract.OutcomeAccepted: contract.RuleNew, contract.OutcomeDebounced: contract.RuleWindow}[o]
		})
	}
	whole := changed(func(d *contract.Delivery) { d.Signals, d.WorkflowID, d.IncidentID, d.Trace = 3, "", "", nil })
	resolved := part(2, contract.OutcomeIgnored, contract.ReasonNothingToResolve)
	resolved.WorkflowID, resolved.IncidentID = "", ""
	failed := part(2, contract.OutcomeFailed, contract.ReasonNothingDurable)
	failed.Status, failed.Code, failed.WorkflowID, failed.IncidentID = 503, "WEBHOOK_HANDLER_FAILED", "", ""
	wholeFailed := whole
	wholeFailed.Outcome, wholeFailed.Reason, wholeFailed.Status, wholeFailed.Code = failed.Outcome, failed.Reason, 503, failed.Code
	one := func(d contract.Delivery) Input { return Input{Delivery: d} }
	flood := unproved(contract.ReasonSignature, "WEBHOOK_SIGNATURE_INVALID", 401)
	flood.Trace = &contract.Trace{NotKept: 1200}
	lost := unproved(contract.ReasonNoSource, "WEBHOOK_NO_HANDLER", 404)
	lost.Source, lost.Provider = "datadgo", ""
	return map[string]Input{
		"accepted": one(filled()),
		"recorded_by_its_incident": one(contract.Delivery{
			ID: id, Source: "datadog-prod", Provider: "datadog", ReceivedAt: noon, EventType: "alert", Outcome: contract.OutcomeAccepted, Status: 200,
			Signals: 1, Count: 1, WorkflowID: "datadog-prod:alert:a946", IncidentID: "datadog_a946_tow", Fingerprint: "f00d",
			ContentType: "application/json", Size: 1234, SHA256: strings.Repeat("ab", 32), Sealed: []byte{1},
		}),
		"spooled": one(changed(func(d *contract.Delivery) { d.Reason = contract.ReasonSpooled.String() })),
		"duplicate": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Trace.Rule, d.Trace.WindowEnd = contract.OutcomeDuplicate, "", time.Time{}
		})),
		"event_taken": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Trace.Rule, d.Trace.KeyKind, d.Trace.Identity = contract.OutcomeDuplicate, contract.RuleTaken, incident.KeyEvent, ""
		})),
		"task": one(changed(func(d *contract.Delivery) {
			d.IncidentID, d.WorkflowID, d.Trace.Handler, d.Trace.Rule = "", "task:replicate:t1", contract.HandlerTaskResult, contract.RuleTaskStarted
			d.Trace.KeyKind = incident.KeyEvent
		})),
		"debounced": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Trace.Rule, d.Count, d.ReceivedAt = contract.OutcomeDebounced, contract.RuleWindow, 7, noon.Add(2*time.Minute)
		})),
		"worse": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Trace.Rule, d.Count, d.ReceivedAt = contract.OutcomeDebounced, contract.RuleWorse, 7, noon.Add(2*time.Minute)
		})),
		"running_in_memory": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Trace.Rule, d.Trace.Local = contract.OutcomeDebounced, contract.RuleRunning, true
		})),
		"folded": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Reason, d.Trace.Rule, d.Trace.Window = contract.OutcomeFolded, contract.ReasonOverRate.String(), "", contract.WindowStorm
			d.Trace.Limit, d.Count, d.IncidentID = 100, 230, "datadog_storm_tow"
		})),
		"limited": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Reason, d.Code, d.Status = contract.OutcomeLimited, contract.ReasonHardCap.String(), "WEBHOOK_RATE_LIMITED", 429
			d.Trace = &contract.Trace{Limit: 2000}
			d.WorkflowID, d.IncidentID = "", ""
		})),
		"resolved": one(changed(func(d *contract.Delivery) { d.Outcome, d.Trace.Rule = contract.OutcomeResolved, "" })),
		"stored": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Reason, d.Signals, d.Trace, d.WorkflowID, d.IncidentID = contract.OutcomeStored, contract.ReasonNoHandler.String(), 0, nil, "", ""
			d.EventType = "reaction_added"
		})),
		"forged":         one(flood),
		"stale":          one(unproved(contract.ReasonStale, "WEBHOOK_REPLAY_DETECTED", 401)),
		"unknown_source": one(lost),
		"malformed": one(changed(func(d *contract.Delivery) {
			d.Outcome, d.Reason = contract.OutcomeRejected, contract.ReasonInvalidFields.With("title (required)").String()
			d.Code, d.Status, d.Signals, d.Trace, d.WorkflowID, d.IncidentID = "WEBHOOK_PAYLOAD_MALFORMED", 400, 0, nil, "", ""
			d.EventID, d.EventType = "", ""
		})),
		"silenced_by_a_slow_clock": one(changed(func(d *contract.Delivery) { d.Trace.Silence, d.Trace.SkewMS = "s-1", -95_000 })),
		"replay_again": one(changed(func(d *contract.Delivery) {
			d.Trace.ReplayOf, d.Trace.Again = "019c4a5e-0000-7000-8000-000000000000", true
		})),
		"several": {Delivery: whole, Parts: []contract.Delivery{part(1, contract.OutcomeAccepted, contract.Reason{}), resolved, part(3, contract.OutcomeDebounced, contract.Reason{})}},
		"several_failed": {
			Delivery: wholeFailed, Parts: []contract.Delivery{part(1, contract.OutcomeAccepted, contract.Reason{}), failed},
		},
		"several_not_in_the_log": {Delivery: whole, Parts: []contract.Delivery{
			part(1, contract.OutcomeAccepted, contract.Reason{}), part(3, contract.OutcomeAccepted, contract.Reason{}),
		}},
		"several_recorded_by_an_incident": {Delivery: contract.Delivery{
			ID: id, Source: "datadog-prod", Provider: "datadog", ReceivedAt: noon, EventType: "alert", Sealed: []byte{1},
		}, Parts: []contract.Delivery{part(2, contract.OutcomeAccepted, contract.Reason{})}},
		"not_known_yet": one(changed(func(d *contract.Delivery) { d.Outcome, d.Status, d.Trace, d.Assurance, d.Scheme = "", 0, nil, "", "" })),
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./internal/explain -update and read the diff")
	assert.Equal(t, string(want), got)
	for line := range strings.Lines(got) {
		if len(strings.Fields(line)) > 2 {
			assert.LessOrEqual(t, len([]rune(line)), 100, "%q is too long for a terminal", line)
		}
	}
}
