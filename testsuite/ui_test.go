package testsuite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// read decrypts a payload, and proves that it cannot be read without the keyset.
func (s *system) read(p *commonpb.Payload, plain string) string {
	s.t.Helper()
	require.NotNil(s.t, p)
	var text string
	require.NoError(s.t, s.dc.FromPayload(p, &text))
	assert.Equal(s.t, "binary/encrypted", string(p.GetMetadata()[converter.MetadataEncoding]))
	var blind string
	require.Error(s.t, converter.GetDefaultDataConverter().FromPayload(p, &blind), "readable without the keyset")
	assert.NotContains(s.t, string(p.GetData()), plain)
	return text
}

// TestTemporalUIReadsWell asks Temporal for what its UI shows of an incident.
func TestTemporalUIReadsWell(t *testing.T) {
	t.Parallel()
	s, in, _ := running(t)
	body := fixture(t, "slack", "bot_attachment_firing")
	a := s.send(in.url, "slack", body)
	require.Equal(t, "enqueued", a.Status, a.raw)
	s.toldOnce("slack", body, a.Incident)
	run := s.onlyRuns(in.url, 1)[0]
	id := run.GetExecution().GetWorkflowId()
	require.Eventually(t, func() bool { return s.state(id).Phase == contract.PhaseOpen }, patience, poll)

	d, err := s.client.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	meta := d.GetExecutionConfig().GetUserMetadata()
	assert.Contains(t, s.read(meta.GetSummary(), "HighErrorRate"), "HighErrorRate for checkout")
	details := s.read(meta.GetDetails(), "critical")
	for _, want := range []string{"**Severity** critical", a.Incident, "https://alertmanager.example.com/"} {
		assert.Contains(t, details, want)
	}
	s.attributes(t, id)
	s.currentDetails(t, id)
	s.activitySummaries(t, id, run.GetExecution().GetRunId())
	for _, memo := range []string{contract.MemoIncidentID, contract.MemoTitle} {
		assert.NotEmpty(t, s.read(run.GetMemo().GetFields()[memo], "HighErrorRate"))
	}
}

// attributes are searched for, as somebody does in the UI.
func (s *system) attributes(t *testing.T, id string) {
	t.Helper()
	query := strings.Join([]string{
		`NerveSource = "slack"`, `NerveProvider = "slack"`, `NerveSeverity = "critical"`,
		`NerveStatus = "firing"`, `NervePhase = "open"`, `NerveFingerprint IS NOT NULL`,
	}, " AND ")
	require.Eventually(t, func() bool {
		found := s.runs(query)
		return len(found) == 1 && found[0].GetExecution().GetWorkflowId() == id
	}, patience, poll, "not found by %s", query)
}

// currentDetails asks as the UI does.
func (s *system) currentDetails(t *testing.T, id string) {
	t.Helper()
	v, err := s.client.QueryWorkflow(t.Context(), id, "", "__temporal_workflow_metadata")
	require.NoError(t, err)
	var meta sdkpb.WorkflowMetadata
	require.NoError(t, v.Get(&meta))
	for _, want := range []string{"HighErrorRate", "Phase: **open**, status **firing**", "severity critical", "Seen 1 times", "Likely cause:"} {
		assert.Contains(t, meta.GetCurrentDetails(), want)
	}
	var names []string
	for _, q := range append(meta.GetDefinition().GetQueryDefinitions(), meta.GetDefinition().GetUpdateDefinitions()...) {
		names = append(names, q.GetName())
		if !strings.HasPrefix(q.GetName(), "__") {
			assert.NotEmpty(t, q.GetDescription(), q.GetName())
		}
	}
	assert.Subset(t, names, []string{contract.QueryState, contract.UpdateAcknowledge, contract.UpdateResolve})
	blind, err := s.blind.QueryWorkflow(t.Context(), id, "", "__temporal_workflow_metadata")
	if err == nil {
		err = blind.Get(&meta)
	}
	assert.Error(t, err, "the details can be read without the keyset")
}

func (s *system) activitySummaries(t *testing.T, id, run string) {
	t.Helper()
	var shown []string
	for _, e := range s.events(id, run) {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_TIMER_STARTED:
			require.NotNil(t, e.GetUserMetadata().GetSummary(), "no summary: %s", e)
			shown = append(shown, s.read(e.GetUserMetadata().GetSummary(), "Evidence"))
		default:
		}
	}
	for _, want := range []string{
		"👀 on the alert in Slack", "Evidence: slack_thread", "Evidence: occurrences", "Evidence: past_incidents",
		"Analysis", "Answer in the Slack thread", "Record: opening", "Close when quiet",
	} {
		assert.Contains(t, shown, want)
	}
}
