package slackstand_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/slackstand"
)

const alerts = "C0ALERTS01"

var (
	token  = "xoxb-" + strings.Repeat("1", 12)
	secret = strings.Repeat("5ec", 8)
)

// bench is a stand-in behind a real HTTP server, with slack-go's client.
type bench struct {
	*slackstand.Server
	url string
	api *slack.Client
}

func setup(t *testing.T, change ...func(*slackstand.Options)) *bench {
	t.Helper()
	opt := slackstand.Options{
		Token: token, SigningSecret: secret,
		Channels: []slackstand.Channel{{ID: alerts}},
		Users:    []slackstand.User{{ID: "U0ALICE001"}},
	}
	for _, f := range change {
		f(&opt)
	}
	s, err := slackstand.New(opt)
	require.NoError(t, err)
	web := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		web.Close()
	})
	return &bench{Server: s, url: web.URL, api: client(web.URL, token)}
}

func client(url, token string) *slack.Client {
	return slack.New(token, slack.OptionAPIURL(url+"/api/"))
}

// say stores a message by a person without delivering it.
func (b *bench) say(t *testing.T, text string, thread ...string) string {
	t.Helper()
	m := slackstand.Message{User: "U0ALICE001", Text: text, StoreOnly: true}
	if len(thread) > 0 {
		m.ThreadTS = thread[0]
	}
	p, err := b.Post(t.Context(), alerts, m)
	require.NoError(t, err)
	return p.TS
}

func (b *bench) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, http.NoBody)
	require.NoError(t, err)
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(raw)
}

// received is one delivery as a receiver of events saw it.
type received struct {
	header http.Header
	body   []byte
	err    error // of the signature
}

// receiver is a receiver of events that answers what the test says.
type receiver struct {
	url    string
	mu     sync.Mutex
	got    []received
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts from 0
}

func receive(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rec := &receiver{answer: answer}
	web := httptest.NewServer(http.HandlerFunc(rec.serve))
	t.Cleanup(web.Close)
	rec.url = web.URL + "/slack/events"
	return rec
}

func (rec *receiver) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var v slack.SecretsVerifier
		if v, err = slack.NewSecretsVerifier(r.Header, secret); err == nil {
			if _, err = v.Write(body); err == nil {
				err = v.Ensure()
			}
		}
	}
	rec.mu.Lock()
	n := len(rec.got)
	rec.got = append(rec.got, received{header: r.Header.Clone(), body: body, err: err})
	rec.mu.Unlock()
	if rec.answer != nil {
		rec.answer(n, w, r)
	}
}

func (rec *receiver) deliveries() []received {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]received(nil), rec.got...)
}

// stopClock is a clock that a test moves.
type stopClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *stopClock { return &stopClock{now: time.Unix(1_770_517_375, 0)} }

func (c *stopClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stopClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestNewFailsClosed(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]slackstand.Options{
		"no token":              {},
		"no signing secret":     {Token: token, EventsURL: "http://127.0.0.1:1/"},
		"events URL is no URL":  {Token: token, SigningSecret: secret, EventsURL: "slack/events"},
		"channel id is no id":   {Token: token, Channels: []slackstand.Channel{{ID: "#alerts"}}},
		"directory is not one":  {Token: token, Dir: "/dev/null/x"},
		"channel id has markup": {Token: token, Channels: []slackstand.Channel{{ID: "C<b>"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := slackstand.New(opt)
			require.ErrorContains(t, err, "slackstand: ")
		})
	}
}
