package contract_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/task"
)

var update = flag.Bool("update", false, "rewrite the golden files; the diff is the review")

func filled() contract.TriageInput {
	at := time.Date(2026, 2, 8, 2, 22, 55, 481419000, time.UTC)
	ref := &incident.SlackRef{
		TeamID: "T0TEAM0001", ChannelID: "C0ALERTS01", MessageTS: "1770517375.481419", ThreadTS: "1770517375.481419",
		UserID: "U0USER0001", BotID: "B0BOT00001", InThread: true,
	}
	evidence := []incident.Evidence{{ID: "E1", Tool: "alert", Title: "t", Text: "x", URL: "https://example.com", At: at, Failed: true}}
	verdict := &incident.Verdict{
		Summary: "s", Claims: []incident.Claim{{Text: "c", Evidence: []string{"E1"}}}, LikelyCause: "l",
		Confidence: incident.ConfidenceLow, NextSteps: []string{"n"}, Analyst: incident.AnalystRules,
	}
	return contract.TriageInput{
		Signal: incident.Signal{
			IncidentID: "slack_1770517375_481419", DeduplicationKey: "slack:alert:C0ALERTS01:1770517375.481419",
			Source: "slack", Provider: "slack", Kind: incident.KindAlert, Severity: incident.SeverityHigh,
			Status: incident.StatusFiring, EventType: "message", Timestamp: at, Title: "t", Description: "d",
			Tags:            map[string]string{"env": "prod"},
			RelatedEntities: []incident.Entity{{Type: "service", Name: "api"}},
			Links:           []incident.Link{{Title: "l", URL: "https://example.com"}}, Slack: ref,
			RawPayload: incident.RawPayload{DeliveryID: "d1", Part: 2, ContentType: "application/json", Size: 2, SHA256: "00", Sealed: []byte{1, 2}},
			Key:        incident.Key{Kind: incident.KeyEvent, Value: "v", Opaque: true}, Group: "g", Fingerprint: "f",
		},
		Salt: []byte{3, 4}, Window: "w", Route: contract.Route{Channel: "C0ALERTS01", QuietPeriod: time.Hour}, ReceivedAt: at, Delivery: "e1",
		State: &contract.TriageState{
			Phase: contract.PhaseOpen, Status: incident.StatusAcknowledged, Occurrences: 5, LastSeen: at, FiredAt: at, OpenedAt: at,
			AcknowledgedBy: "a", ResolvedBy: "r", Light: "eyes", Headline: ref, VerdictTS: "1.2", Verdict: verdict,
			Evidence: evidence, Seen: []string{"d1"}, Actions: actions(at), SnoozedAt: 4,
			Snoozed: &contract.Snooze{Actor: audit.Actor{Person: "p", Via: audit.ViaCLI}, Until: at, Reason: "r"},
			Silence: &contract.Silencing{ID: "s", Until: at, Worse: true}, Revision: 3,
		},
		Silence: &contract.Silencing{ID: "s", Until: at},
	}
}

func findings(at time.Time) []contract.Finding {
	return []contract.Finding{{Source: "s", Kind: contract.FindingSilent, Text: "t", Since: at, Told: true, Missed: 2}}
}

func actions(at time.Time) []contract.IncidentAction {
	return []contract.IncidentAction{{
		Ref: "r", Kind: contract.ActionSnoozed, At: at, Actor: audit.Actor{Person: "p", Via: audit.ViaAPI, Credential: "c"},
		Reason: "r", Until: at, Target: "s",
	}}
}

// TestEncodings pins what crosses Temporal and Redis: a field that is renamed or
// dropped would be lost in every history and stream entry that exists.
func TestEncodings(t *testing.T) {
	t.Parallel()
	in := filled()
	at := in.ReceivedAt
	taskInput := contract.TaskInput{
		Name: "n", Source: "s", Provider: "p", Channel: "C0ALERTS01", KnownOnly: true, Salt: in.Salt, Delivery: "d", ReceivedAt: at,
		Event: task.Event{ID: "t", State: task.Succeeded, Output: "https://example.com/o", Outputs: 2, Error: "e", PredictSeconds: 1.5, At: at},
		Policy: contract.TaskPolicy{
			Hosts: []string{"example.com"}, Types: []string{"image/*"}, MaxBytes: 7, Notices: contract.NoticesAll, Patience: time.Hour,
		},
		Timings: map[string]float64{"accept": 1.5},
	}
	output := &contract.TaskOutput{Key: "k", ContentType: "image/png", Size: 7, SHA256: "00", DownloadMS: 1, UploadMS: 2, Inline: true}
	actor := audit.Actor{Person: "p", Via: audit.ViaAPI, Credential: "c"}
	for name, v := range map[string]any{
		"triage_input":   in,
		"triage_result":  contract.TriageResult{IncidentID: "i", Outcome: "resolved", ResolvedBy: "r", Occurrences: 2, Verdict: in.State.Verdict},
		"occurrence":     contract.Occurrence{DeliveryID: "d", Count: 2, At: at, Severity: incident.SeverityHigh},
		"resolved":       contract.Resolved{DeliveryID: "d", At: at, Late: true},
		"decision":       contract.Decision{By: "b", Reason: "r", Actor: actor, Revision: 3, Made: contract.Made{Run: "run", At: at}},
		"snooze":         contract.Snooze{Actor: actor, Until: at, Reason: "r", Revision: 3, Made: contract.Made{Run: "run", At: at}},
		"silence_ended":  contract.SilenceEnded{ID: "s", Actor: actor, Reason: "r"},
		"command":        contract.Command{WorkflowID: "w", KeyKind: incident.KeyAlert, Start: &in, Occurrence: &contract.Occurrence{}, Resolved: &contract.Resolved{}, Fallback: &in},
		"evidence_query": contract.EvidenceQuery{Tool: "t", Signal: in.Signal, OpenedAt: at, Salt: in.Salt},
		"incident_record": contract.IncidentRecord{
			ID: "i", WorkflowID: "w", RunID: "r", Revision: 1, Phase: contract.PhaseOpen, Status: incident.StatusFiring, Signal: in.Signal,
			Occurrences: 1, OpenedAt: at, LastSeen: at, ClosedAt: at, AcknowledgedBy: "a", ResolvedBy: "r", Failure: "f",
			Verdict: in.State.Verdict, Evidence: in.State.Evidence, Actions: actions(at), SnoozedUntil: at,
		},
		"delivery": contract.Delivery{
			ID: "d", Part: 1, Source: "s", Provider: "p", ReceivedAt: at, RemoteIP: "192.0.2.1", EventID: "e", EventType: "t", Scheme: "x",
			Assurance: "signed", SecretID: "0a1b2c3d", Outcome: contract.OutcomeAccepted, Reason: "r", Code: "C", Status: 200, Signals: 1, WorkflowID: "w",
			IncidentID: "i", Fingerprint: "f", Count: 1, Headers: map[string]string{"a": "b"}, ContentType: "c", Size: 1, SHA256: "0", Sealed: []byte{5},
			Trace: &contract.Trace{
				Key: "k", KeyKind: incident.KeyAlert, Identity: "i", Window: "w", WindowStart: at, WindowEnd: at, Rule: "r", Limit: 1, Local: true,
				Silence: "s", SkewMS: 8, Handler: "h", ReplayOf: "d0", Again: true, NotKept: 7,
			},
		},
		"approval_input": contract.ApprovalInput{
			ID: "a", Why: "w", RequestedBy: actor, RequestedAt: at, Deadline: at, Channel: "C0ALERTS01", Sealed: []byte{6}, Salt: []byte{7},
			Change: contract.Change{
				Action: contract.ActionSecretAdd, Target: "t", Fields: map[string]any{"window": "15m"}, Secret: "s", SecretID: "0a",
				Revision: 2, Reason: "r",
			},
		},
		"task_input":   taskInput,
		"task_command": contract.Command{WorkflowID: "w", KeyKind: incident.KeyEvent, Task: &taskInput},
		"task_record": contract.TaskRecord{
			ID: "s:n", Source: "s", Provider: "p", WorkflowID: "w", RunID: "r", Revision: 1, State: task.Failed, Credits: contract.CreditsReversed,
			Output: output, Outputs: 2, Failure: "f", PredictSeconds: 1.5, Timings: map[string]float64{"store": 1}, StartedAt: at, FinishedAt: at,
		},
		"task_result": contract.TaskResult{
			State: task.Succeeded, Credits: contract.CreditsSettled, Output: output, Failure: "f", Timings: map[string]float64{"store": 1},
		},
		"events_input": contract.EventsInput{Subscriber: "s", Channel: "C0ALERTS01", Events: []contract.Event{{
			ID: "evt_1", Type: contract.EventFailed, At: at,
			Data: contract.EventData{
				DeliveryID: "d", Source: "s", Provider: "p", EventType: "t", Outcome: contract.OutcomeFailed, Code: "C", Status: 503, Signals: 1,
				WorkflowID: "w", IncidentID: "i",
			},
		}}},
		"events_result": contract.EventsResult{Delivered: 1, Refused: 2, Gone: true},
		"watch_state":   contract.WatchState{Standing: findings(at), Untold: findings(at), Checks: 3, Checked: at},
		"watch_query":   contract.WatchQuery{Now: at, Standing: findings(at), Cadence: true},
		"watch_report":  contract.WatchReport{Findings: findings(at)},
		"ruling":        contract.Ruling{Actor: actor, Grant: true, Reason: "r"},
		"approval_state": contract.ApprovalState{
			ID: "a", Action: contract.ActionSourceAdd, Target: "t", Why: "w", Reason: "r", Fields: map[string]any{"window": "15m"},
			SecretID: "s", Force: true, Status: contract.ApprovalGranted, RequestedBy: actor, RequestedAt: at, Deadline: at,
			Ruling: &contract.Ruling{Actor: actor}, Failure: "f", Message: in.State.Headline, EndedAt: at,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.MarshalIndent(v, "", "  ")
			require.NoError(t, err)
			golden(t, name, append(got, '\n'))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./internal/contract -update and read the diff")
	assert.Equal(t, string(want), string(got))
}

func TestMilestones(t *testing.T) {
	t.Parallel()
	var told []int64
	for n := int64(0); n <= 1000; n++ {
		if contract.Milestone(n) {
			told = append(told, n)
		}
	}
	assert.Equal(t, []int64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}, told)
}
