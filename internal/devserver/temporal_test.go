package devserver

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/temporalx"
)

const (
	testQueue  = "devserver-test"
	testID     = "incident-1"
	codecURL   = "http://127.0.0.1:1/codec"
	eventually = 20 * time.Second
	often      = 50 * time.Millisecond
)

// waitForEnd ends with what the signal says.
func waitForEnd(ctx workflow.Context) (string, error) {
	var how string
	workflow.GetSignalChannel(ctx, "end").Receive(ctx, &how)
	return how, nil
}

func connect(t *testing.T, s *Temporal) client.Client {
	t.Helper()
	c, err := temporalx.Dial(t.Context(), temporalx.Options{Address: s.Address()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func startWorker(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, testQueue, worker.Options{})
	w.RegisterWorkflow(waitForEnd)
	require.NoError(t, w.Start())
	return w
}

func startOptions(attr, value string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: testID, TaskQueue: testQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword(attr).ValueSet(value)),
		Priority:                                 temporal.Priority{FairnessKey: "example"},
	}
}

func describe(t *testing.T, c client.Client) (*workflowservice.DescribeNamespaceResponse, string) {
	t.Helper()
	ns, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	info, err := c.WorkflowService().GetClusterInfo(t.Context(), &workflowservice.GetClusterInfoRequest{})
	require.NoError(t, err)
	return ns, info.GetClusterId()
}

// requireRetention polls: the server answers from a cache of two seconds.
func requireRetention(t *testing.T, c client.Client, want time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		ns, _ := describe(t, c)
		return ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == want
	}, eventually, often, "retention of %s", want)
}

// One story in one test, because it takes two starts of the server.
func TestTemporalSurvivesARestart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Temporal server twice: run without -short")
	}
	t.Parallel()
	opts := TemporalOptions{
		Dir:              filepath.Join(t.TempDir(), "odd ?name #1 100%"),
		Retention:        contract.Retention,
		SearchAttributes: contract.SearchAttributes[1:], // one is added later
		CodecEndpoint:    codecURL,
		// Writing to a test's output after its end fails the run, so this also
		// finds a server that still logs after Close.
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	late, early := contract.SearchAttributes[0], contract.SearchAttributes[1]

	first, err := StartTemporal(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = first.Close(context.WithoutCancel(t.Context())) })
	c := connect(t, first)
	requireRetention(t, c, contract.Retention)
	_, cluster := describe(t, c)
	checkRefusals(t, first, opts)
	checkUI(t, first)

	w := startWorker(t, c)
	run, err := c.ExecuteWorkflow(t.Context(), startOptions(early, "example"), waitForEnd)
	require.NoError(t, err)
	requireFound(t, c, early+" = 'example'")
	requireDuplicate(t, c, run.GetRunID(), early)
	checkPrepare(t, c)
	w.Stop()
	c.Close()
	require.NoError(t, first.Close(t.Context()))
	require.NoError(t, first.Close(t.Context()), "closing again does nothing")

	opts.SearchAttributes, opts.Retention, opts.UIPort = contract.SearchAttributes, 2*contract.Retention, -1
	second, err := StartTemporal(t.Context(), opts)
	require.NoError(t, err, "the lock and the ports were given back")
	t.Cleanup(func() { _ = second.Close(context.WithoutCancel(t.Context())) })
	assert.Empty(t, second.UIURL())
	c = connect(t, second)
	_, clusterAfter := describe(t, c)
	assert.Equal(t, cluster, clusterAfter)
	assert.NotEmpty(t, cluster)
	requireRetention(t, c, opts.Retention)
	requireDuplicate(t, c, run.GetRunID(), late)

	require.NoError(t, c.SignalWorkflow(t.Context(), testID, "", "end", "resolved"))
	w = startWorker(t, c)
	var how string
	require.NoError(t, c.GetWorkflow(t.Context(), testID, run.GetRunID()).Get(t.Context(), &how))
	assert.Equal(t, "resolved", how)
	requireDuplicate(t, c, run.GetRunID(), late)

	other := startOptions(late, "example")
	other.ID = "incident-2"
	_, err = c.ExecuteWorkflow(t.Context(), other, waitForEnd)
	require.NoError(t, err, "the attribute that the older database lacked")
	requireFound(t, c, late+" = 'example'")
	w.Stop()
	c.Close()
	require.NoError(t, second.Close(t.Context()))
}

func requireFound(t *testing.T, c client.Client, query string) {
	t.Helper()
	require.Eventually(t, func() bool {
		got, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		return err == nil && got.GetCount() == 1
	}, eventually, often, query)
}

func requireDuplicate(t *testing.T, c client.Client, runID, attr string) {
	t.Helper()
	_, err := c.ExecuteWorkflow(t.Context(), startOptions(attr, "example"), waitForEnd)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	require.ErrorAs(t, err, &started)
	assert.Equal(t, runID, started.RunId)
}

// checkRefusals tries to start beside a running server.
func checkRefusals(t *testing.T, running *Temporal, opts TemporalOptions) {
	t.Helper()
	_, err := StartTemporal(t.Context(), opts)
	require.ErrorContains(t, err, opts.Dir+" is in use by process ")
	require.ErrorContains(t, err, "choose another state directory")

	_, port, err := net.SplitHostPort(running.Address())
	require.NoError(t, err)
	taken, err := strconv.Atoi(port)
	require.NoError(t, err)
	_, err = StartTemporal(t.Context(), TemporalOptions{Port: taken, UIPort: -1})
	require.ErrorContains(t, err, "Temporal port "+port+" is in use")
	_, err = StartTemporal(t.Context(), TemporalOptions{UIPort: taken})
	require.ErrorContains(t, err, "Temporal UI port "+port+" is in use")
}

func checkUI(t *testing.T, s *Temporal) {
	t.Helper()
	require.True(t, strings.HasPrefix(s.UIURL(), "http://127.0.0.1:"), s.UIURL())
	status, page := get(t, s.UIURL()+"/", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, strings.ToLower(page), "<!doctype html>")

	status, list := get(t, s.UIURL()+"/api/v1/namespaces", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, list, `"default"`)
	status, _ = get(t, s.UIURL()+"/api/v1/namespaces/default", "localhost")
	assert.Equal(t, http.StatusOK, status)

	status, body := get(t, s.UIURL()+"/api/v1/settings", "")
	assert.Equal(t, http.StatusOK, status)
	var settings struct {
		Codec                                struct{ Endpoint string }
		DisableNewsFetch, NotifyOnNewVersion bool
		DefaultNamespace                     string
	}
	require.NoError(t, json.Unmarshal([]byte(body), &settings))
	assert.Equal(t, codecURL, settings.Codec.Endpoint)
	assert.Equal(t, "default", settings.DefaultNamespace)
	assert.True(t, settings.DisableNewsFetch)
	assert.False(t, settings.NotifyOnNewVersion)

	for _, host := range []string{"rebound.example.com", "10.0.0.1:80", "localhost.example.com"} {
		status, _ = get(t, s.UIURL()+"/api/v1/namespaces", host)
		assert.Equal(t, http.StatusMisdirectedRequest, status, host)
	}
}

// get asks url under another Host when host is not empty.
func get(t *testing.T, url, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// checkPrepare asks a real server what the fakes of temporalx only pretend.
func checkPrepare(t *testing.T, c client.Client) {
	t.Helper()
	require.NoError(t, temporalx.Prepare(t.Context(), c, "default", []string{"Extra"}, contract.Retention))
	found, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: "Extra = 'x'"})
	require.NoError(t, err, "usable as soon as Prepare returns")
	assert.Zero(t, found.GetCount())

	err = temporalx.Prepare(t.Context(), c, "default", nil, contract.Retention+time.Hour)
	var short *temporalx.RetentionError
	require.ErrorAs(t, err, &short)
	assert.Equal(t, contract.Retention, short.Have)

	err = temporalx.Prepare(t.Context(), c, "nowhere", []string{"Extra"}, time.Hour)
	require.ErrorContains(t, err, "temporal operator namespace create -n nowhere")
}
