package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

func batchOf(t *testing.T, eventID string, signals ...incident.Signal) *providers.Batch {
	t.Helper()
	a, err := providers.Accept(&vendor{}, &providers.Request{
		Header: http.Header{tokenName: []string{goodToken}}, Body: []byte(body(t, eventID, signals...)), ReceivedAt: time.Now(),
	})
	require.NoError(t, err)
	return a.Batch
}

func slackSignal(i int) incident.Signal {
	return signal(event(fmt.Sprint(i)), func(s *incident.Signal) {
		s.IncidentID = fmt.Sprintf("slack_%d", i)
		s.Slack = &incident.SlackRef{ChannelID: "C1", MessageTS: fmt.Sprint(i)}
	})
}

func TestReactionFollowsTheAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reactor.hold = make(chan struct{})
	status, r := b.post(t, body(t, "e1", slackSignal(1)))
	assert.Equal(t, 200, status, "the answer does not wait for the reaction")
	assert.Equal(t, "slack_1", r.IncidentID, "a provider may name the incident")
	close(b.reactor.hold)
	assert.Equal(t, incident.SlackRef{ChannelID: "C1", MessageTS: "1"}, <-b.reactor.refs)
	b.post(t, body(t, "e1", slackSignal(1)))
	b.server.reactions.wait()
	assert.Empty(t, b.reactor.refs, "a duplicate is not reacted on again")
}

func TestReactionsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reactor.hold, b.reactor.err = make(chan struct{}), errors.New("no such channel")
	for i := range maxReactions + 5 {
		status, _ := b.post(t, body(t, fmt.Sprint(i), slackSignal(i)))
		require.Equal(t, 200, status)
	}
	assert.Equal(t, 5, strings.Count(b.log.String(), "too many in flight"))
	close(b.reactor.hold)
	b.server.reactions.wait()
	assert.Len(t, b.reactor.refs, maxReactions)
	assert.Equal(t, maxReactions, strings.Count(b.log.String(), "reaction failed"))
}

type panicking struct{}

func (panicking) React(context.Context, incident.SlackRef) error { panic(plantedEmail) }

func TestReactorPanics(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(_ *Options, d *Deps, _ *[]Source) { d.Reactor = panicking{} })
	b.post(t, body(t, "e1", slackSignal(1)))
	b.server.reactions.wait()
	assert.Contains(t, b.log.String(), `"panic"`)
	assert.NotContains(t, b.log.String(), plantedEmail)
}

func TestPanicIsAProblem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	w := b.do(request(t, "/webhooks/vendor", goodToken, "panic"))
	p := decode(t, w)
	assert.Equal(t, 500, p.Status)
	assert.NotContains(t, w.Body.String(), "goroutine")
	assert.Contains(t, b.log.String(), "goroutine", "the stack is in the log")
	assert.NotContains(t, b.log.String(), "the payload was", "the panic's value may quote the payload")
}

func TestGracefulStop(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	b.temporal.before = func() { close(entered); <-leave }
	b.reactor.hold = make(chan struct{})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(ctx, l) }()

	url := "http://" + l.Addr().String()
	payload := body(t, "e1", slackSignal(1))
	answered := make(chan int, 1)
	go func() {
		r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, url+"/webhooks/vendor", strings.NewReader(payload))
		if err != nil {
			answered <- 0
			return
		}
		r.Header.Set(tokenName, goodToken)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			answered <- 0
			return
		}
		defer func() { _ = resp.Body.Close() }()
		answered <- resp.StatusCode
	}()
	<-entered
	stop()
	require.Eventually(t, func() bool {
		w := httptest.NewRecorder()
		b.server.Handler().ServeHTTP(w, httptest.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "/readyz", nil))
		return w.Code == http.StatusServiceUnavailable
	}, 5*time.Second, time.Millisecond)
	select {
	case err := <-served:
		t.Fatalf("stopped with a request in flight: %v", err)
	default:
	}
	close(leave)
	assert.Equal(t, 200, <-answered)
	require.Never(t, func() bool { return len(served) > 0 }, 50*time.Millisecond, 5*time.Millisecond, "the reaction is still out")
	close(b.reactor.hold)
	require.NoError(t, <-served)
	assert.Len(t, b.reactor.refs, 1, "its reaction is waited for")
	_, err = net.DialTimeout("tcp", l.Addr().String(), time.Second)
	require.Error(t, err, "no more connections are taken")
}

func TestStopThatTakesTooLong(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options, _ *Deps, _ *[]Source) { o.DrainTimeout = time.Millisecond })
	entered, leave := make(chan struct{}), make(chan struct{})
	b.temporal.before = func() { close(entered); <-leave }
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- b.server.Serve(ctx, l) }()
	sent := make(chan struct{})
	payload := body(t, "e1", signal())
	go func() {
		defer close(sent)
		r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://"+l.Addr().String()+"/webhooks/vendor", strings.NewReader(payload))
		if err != nil {
			return
		}
		r.Header.Set(tokenName, goodToken)
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}()
	<-entered
	stop()
	require.ErrorContains(t, <-served, "cut off")
	close(leave)
	<-sent
}

func TestRunCannotListen(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options, _ *Deps, _ *[]Source) { o.Addr = "256.0.0.1:0" })
	require.ErrorContains(t, b.server.Run(t.Context()), "listen")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	up := func(context.Context) error { return nil }
	down := func(context.Context) error { return errors.New("dial 10.0.0.1:7233: secret host") }
	for _, tc := range []struct {
		name                   string
		temporal, redis, spool Probe
		ready, detailed        int
		status                 string
	}{
		{"all up", up, up, up, 200, 200, "ok"},
		{"temporal down, spool takes", down, up, up, 200, 200, "degraded"},
		{"redis down", up, down, down, 200, 200, "degraded"},
		{"nothing durable", down, down, down, 503, 503, "down"},
		{"temporal down, no spool", down, up, nil, 503, 503, "down"},
		{"nothing to ask", nil, nil, nil, 200, 200, "ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(_ *Options, d *Deps, _ *[]Source) { d.Temporal, d.Redis, d.Spool = tc.temporal, tc.redis, tc.spool })
			get := func(path string) *httptest.ResponseRecorder {
				return b.do(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			}
			assert.Equal(t, 200, get("/").Code)
			assert.Equal(t, 200, get("/health").Code, "a restart would not help")
			assert.Equal(t, tc.ready, get("/readyz").Code)
			w := get("/health/detailed")
			assert.Equal(t, tc.detailed, w.Code)
			assert.Contains(t, w.Body.String(), `"status":"`+tc.status+`"`)
			assert.NotContains(t, w.Body.String(), "10.0.0.1")
		})
	}
}

func TestProbesAreNotALoad(t *testing.T) {
	t.Parallel()
	asked := 0
	b := newBench(t, func(_ *Options, d *Deps, _ *[]Source) {
		d.Temporal = func(context.Context) error { asked++; return nil }
	})
	get := func() { b.do(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)) }
	get()
	get()
	assert.Equal(t, 1, asked)
	b.advance(probeFresh)
	get()
	assert.Equal(t, 2, asked)
}
