// Command load is the other end of the benchmarks: it makes requests beforehand,
// sends them at a fixed rate whatever the answers take, and prints the latencies
// as JSON. It is a program of its own so that its work is not the measured
// process's. A latency counts from when the request was due, so a server that
// falls behind cannot hide it by slowing the sender down. Loopback only.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/nerve-alerts/nerve/providers"
)

// maxRequests bounds a run.
const maxRequests = 100_000

type options struct {
	url, provider, secret, fixture string
	temporal, namespace            string
	rate                           float64
	count                          int
	unique                         bool
}

// result is what a run prints. Latencies are in microseconds.
type result struct {
	Count    int            `json:"count"`
	Statuses map[string]int `json:"statuses"`
	P50      int64          `json:"p50_us"`
	P95      int64          `json:"p95_us"`
	P99      int64          `json:"p99_us"`
	Max      int64          `json:"max_us"`
	Seconds  float64        `json:"seconds"`
}

func main() {
	var o options
	flag.StringVar(&o.url, "url", "", "where to send")
	flag.StringVar(&o.provider, "provider", "slack", "who to be")
	flag.StringVar(&o.fixture, "fixture", "", "which payload; the provider's first by default")
	flag.StringVar(&o.temporal, "temporal", "", "start bare workflows at this address instead")
	flag.StringVar(&o.namespace, "namespace", "default", "in this namespace")
	flag.Float64Var(&o.rate, "rate", 100, "requests a second")
	flag.IntVar(&o.count, "n", 1000, "requests")
	flag.BoolVar(&o.unique, "unique", false, "each request another alert")
	flag.Parse()
	o.secret = os.Getenv("LOAD_SECRET") //nolint:forbidigo // not an argument, which ps would show
	r, err := run(context.Background(), o)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// shot sends one request and names its outcome.
type shot func(ctx context.Context, i int) string

func run(ctx context.Context, o options) (result, error) {
	if o.count < 1 || o.count > maxRequests || o.rate <= 0 {
		return result{}, fmt.Errorf("1 to %d requests at a rate above 0", maxRequests)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(float64(o.count)/o.rate*float64(time.Second))+time.Minute)
	defer cancel()
	fire, err := o.shot()
	if err != nil {
		return result{}, err
	}
	return measure(ctx, o, fire), nil
}

func (o options) shot() (shot, error) {
	if o.temporal != "" {
		return o.starts()
	}
	return o.requests()
}

func loopback(hostport string) error {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("load goes to loopback only")
	}
	return nil
}

// requests makes and signs every request before the first is sent.
func (o options) requests() (shot, error) {
	u, err := url.Parse(o.url)
	if err != nil {
		return nil, err
	}
	if err := loopback(u.Host); err != nil {
		return nil, err
	}
	spec, ok := providers.Lookup(o.provider)
	if !ok {
		return nil, fmt.Errorf("no provider %q", o.provider)
	}
	p, err := spec.New(providers.Config{Secrets: providers.Secrets(o.secret)})
	if err != nil {
		return nil, err
	}
	if o.fixture == "" {
		o.fixture = spec.Fixtures[0]
	}
	body, err := providers.Fixture(o.provider, o.fixture)
	if err != nil {
		return nil, err
	}
	made := make([]*providers.Request, o.count)
	at := time.Now()
	for i := range made {
		made[i] = &providers.Request{Method: http.MethodPost, URL: u, Header: http.Header{}, Body: fresh(p, o.unique, body, at, i)}
		p.Sign(made[i], at)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 512, MaxConnsPerHost: 512}
	c := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	return func(ctx context.Context, i int) string { return send(ctx, c, made[i]) }, nil
}

func fresh(p providers.Provider, unique bool, body []byte, at time.Time, i int) []byte {
	if r, ok := p.(providers.Renewer); ok && unique {
		return r.Renew(body, at, i)
	}
	if r, ok := p.(providers.Refresher); ok {
		return r.Refresh(body, at, i)
	}
	return body
}

func send(ctx context.Context, c *http.Client, r *providers.Request) string {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return "error"
	}
	req.ContentLength = int64(len(r.Body))
	req.Header = r.Header
	resp, err := c.Do(req)
	if err != nil {
		return "error"
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "error"
	}
	var status struct {
		Status any `json:"status"`
	}
	_ = json.Unmarshal(answer, &status) // a bare handler answers nothing
	if word, ok := status.Status.(string); ok {
		return strconv.Itoa(resp.StatusCode) + " " + word
	}
	return strconv.Itoa(resp.StatusCode)
}

// starts is the other limit: Temporal alone, without a worker.
func (o options) starts() (shot, error) {
	if err := loopback(o.temporal); err != nil {
		return nil, err
	}
	c, err := client.Dial(client.Options{
		HostPort: o.temporal, Namespace: o.namespace,
		Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, err
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	input := make([]byte, 2048)
	return func(ctx context.Context, i int) string {
		_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: "bare-" + run + "-" + strconv.Itoa(i), TaskQueue: "nobody",
		}, "Bare", input)
		if err != nil {
			return "error"
		}
		return "started"
	}, nil
}

func measure(ctx context.Context, o options, fire shot) result {
	// What maxRequests leave behind fits into memory, and a collector would work
	// beside what is measured.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var (
		group     sync.WaitGroup
		latencies = make([]time.Duration, o.count)
		outcomes  = make([]string, o.count)
		start     = time.Now()
	)
	for i := range o.count {
		due := start.Add(time.Duration(float64(i) / o.rate * float64(time.Second)))
		time.Sleep(time.Until(due))
		group.Go(func() {
			outcomes[i] = fire(ctx, i)
			latencies[i] = time.Since(due)
		})
	}
	group.Wait()
	r := result{Count: o.count, Statuses: map[string]int{}, Seconds: time.Since(start).Seconds()}
	for _, s := range outcomes {
		r.Statuses[s]++
	}
	slices.Sort(latencies)
	at := func(q float64) int64 {
		return latencies[min(len(latencies)-1, int(q*float64(len(latencies))))].Microseconds()
	}
	r.P50, r.P95, r.P99, r.Max = at(0.50), at(0.95), at(0.99), latencies[len(latencies)-1].Microseconds()
	return r
}
