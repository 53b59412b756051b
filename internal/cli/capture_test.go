package cli_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/providers"
)

var update = flag.Bool("update", false, "rewrite the golden files of the commands; read the diff")

// hush is a secret that the tests share.
var hush = strings.Repeat("h", 32)

// sentAt is when the tests' requests were signed.
var sentAt = time.Date(2025, 10, 9, 12, 0, 0, 0, time.UTC)

const zendeskTicket = `{"type":"zen:event-type:ticket.created","id":"01TEST","time":"2025-10-09T11:59:00Z",
 "detail":{"id":"35436","subject":"Cannot pay, call +49 30 901820 or write to jo@example.com","status":"NEW","priority":"HIGH"},"event":{}}`

// made is a request that a provider signed.
func made(t *testing.T, provider, body string, cfg providers.Config) *providers.Request {
	t.Helper()
	spec, ok := providers.Lookup(provider)
	require.True(t, ok)
	if cfg.Secrets == nil {
		cfg.Secrets = providers.Secrets(hush)
	}
	p, err := spec.New(cfg)
	require.NoError(t, err)
	u, err := url.Parse("https://alerts.example.com/webhooks/" + provider)
	require.NoError(t, err)
	r := &providers.Request{Method: http.MethodPost, URL: u, Header: http.Header{"Host": {u.Host}}, Body: []byte(body), ReceivedAt: sentAt}
	p.Sign(r, sentAt)
	return r
}

// raw is a request as it goes over the wire.
func raw(r *providers.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, r.URL.RequestURI())
	for name, values := range r.Header {
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.Body), r.Body)
	return b.String()
}

// said is what verify and parse print.
type said struct {
	Decision, Code, Reason, Scheme, Assurance, Becomes string
	Hints, Notes, Warnings                             []string
	HTTPStatus                                         int `json:"http_status"`
	Verified                                           *bool
	Secret                                             *struct {
		Index int
		ID    string
	}
	SignedAt  *time.Time `json:"signed_at"`
	Handshake *struct {
		Status int
		Body   string
	}
	Signals []map[string]any
	Explain []providers.Source
}

// judged runs verify or parse and reads what it prints.
func judged(t *testing.T, code int, args ...string) said {
	t.Helper()
	got, out, errOut := run(t, args...)
	require.Equal(t, code, got, "%v: %s%s", args, out, errOut)
	assert.Empty(t, errOut)
	assert.NotContains(t, out, hush, "a secret is never printed")
	var s said
	require.NoError(t, json.Unmarshal([]byte(out), &s), out)
	return s
}

func TestVerifyDecides(t *testing.T) {
	t.Parallel()
	at := sentAt.Format(time.RFC3339)
	slackBody, err := providers.Fixture("slack", "question")
	require.NoError(t, err)
	pretty := `{"action":"opened",` + "\n" + ` "issue":{"number":1,"title":"x"}}`
	compact := `{"action":"opened","issue":{"number":1,"title":"x"}}`
	for _, tt := range []struct {
		name, provider, body string
		cfg                  providers.Config
		change               func(*providers.Request)
		args                 []string
		code, reason, hint   string // code "" is accepted
	}{
		{name: "signed", provider: "slack", reason: "the proof fits secret 0 (scheme slack v0), signed 0 s before it came"},
		{name: "a token", provider: "datadog", body: `{"title":"x"}`, reason: "and covers no time"},
		{name: "stale", provider: "slack", args: []string{"--at", "2025-10-09T15:00:00Z"}, code: "stale_timestamp", reason: "the timestamp is 3 h old (2025-10-09T12:00:00Z): the tolerance is 5 min", hint: "--at"},
		{name: "within a tolerance", provider: "slack", args: []string{"--at", "2025-10-09T15:00:00Z", "--tolerance-past", "4h"}, reason: "signed 3 h before"},
		{name: "from the future", provider: "slack", args: []string{"--at", "2025-10-09T11:50:00Z", "--tolerance-future", "1m"}, code: "stale_timestamp", reason: "10 min ahead (2025-10-09T12:00:00Z): the tolerance is 1 min", hint: "clocks"},
		{name: "no header", provider: "slack", change: func(r *providers.Request) { r.Header.Del("X-Slack-Signature") }, code: "missing_signature", reason: "header X-Slack-Signature is missing"},
		{name: "no time", provider: "slack", change: func(r *providers.Request) { r.Header.Del("X-Slack-Request-Timestamp") }, code: "missing_signature"},
		{name: "another vendor's header", provider: "slack", change: func(r *providers.Request) {
			r.Header.Del("X-Slack-Signature")
			r.Header.Set("Linear-Signature", "00")
		}, code: "missing_signature", reason: "is missing", hint: "the request has Linear-Signature, where Slack does not put a proof; linear would"},
		{name: "SHA-1 alone", provider: "github", body: compact, change: func(r *providers.Request) {
			r.Header.Del("X-Hub-Signature-256")
			r.Header.Set("X-Hub-Signature", "sha1=00")
		}, code: "signature_mismatch", reason: "X-Hub-Signature, which is SHA-1: --allow-weak accepts it"},
		{name: "SHA-1 beside it", provider: "github", body: compact, cfg: providers.Config{Secrets: providers.Secrets(strings.Repeat("o", 32))}, change: func(r *providers.Request) {
			r.Header.Set("X-Hub-Signature", "sha1=00")
		}, code: "signature_mismatch", reason: "does not fit the secret (github)"},
		{name: "another secret", provider: "slack", cfg: providers.Config{Secrets: providers.Secrets(strings.Repeat("o", 32))}, code: "signature_mismatch", reason: "the proof does not fit the secret (slack v0)", hint: "another secret, or the body"},
		{name: "twice", provider: "slack", change: func(r *providers.Request) { r.Header.Add("X-Slack-Signature", "v0=00") }, code: "signature_mismatch", reason: "X-Slack-Signature came 2 times"},
		{name: "an editor's line end", provider: "github", body: compact, change: func(r *providers.Request) { r.Body = append(r.Body, '\n') }, code: "signature_mismatch", hint: "without the line end behind the body"},
		{name: "an editor's line end behind another", provider: "github", body: compact + "\n", change: func(r *providers.Request) { r.Body = append(r.Body, '\n') }, code: "signature_mismatch", hint: "without the last line end"},
		{name: "cut", provider: "github", body: compact + "\n", change: func(r *providers.Request) { r.Body = r.Body[:len(r.Body)-1] }, code: "signature_mismatch", hint: "with a line end behind the body"},
		{name: "formatted", provider: "github", body: compact, change: func(r *providers.Request) { r.Body = []byte(pretty) }, code: "signature_mismatch", hint: "without the white space in the JSON"},
		{name: "a base64 secret", provider: "github", body: compact, cfg: providers.Config{Secrets: providers.Secrets(strings.Repeat("\x86\x18\x61", 8))}, code: "signature_mismatch", hint: "the secret decoded from base64"},
		{name: "not JSON", provider: "datadog", body: `{"title":`, code: "malformed_payload", reason: "the sender is proved, but the body cannot be read: not JSON"},
		{name: "empty fields", provider: "datadog", body: `{}`, code: "malformed_payload", reason: "the payload is not usable"},
		{name: "anybody", provider: "datadog", body: `{"title":"x"}`, args: []string{"--scheme", "none"}, reason: "nothing was proved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := tt.body
			if tt.provider == "slack" {
				body = string(slackBody)
			}
			r := made(t, tt.provider, body, tt.cfg)
			if tt.change != nil {
				tt.change(r)
			}
			args := append([]string{"verify", "--provider", tt.provider, "--request", written(t, raw(r))}, tt.args...)
			if tt.name != "anybody" {
				args = append(args, "--secret", written(t, hush+"\n"))
			}
			if !strings.Contains(strings.Join(args, " "), "--at") {
				args = append(args, "--at", at)
			}
			exit := 0
			if tt.code != "" {
				exit = 1
			}
			got := judged(t, exit, args...)
			assert.Equal(t, tt.code, got.Code)
			assert.Contains(t, got.Reason, tt.reason)
			assert.Contains(t, strings.Join(got.Hints, "\n"), tt.hint)
			assert.Equal(t, exit == 0, got.Decision == "accepted", got.Decision)
			assert.Equal(t, exit == 0, got.HTTPStatus == http.StatusOK)
		})
	}
}

func TestVerifyNamesTheSecret(t *testing.T) {
	t.Parallel()
	file := written(t, raw(made(t, "zendesk", zendeskTicket, providers.Config{})))
	got := judged(t, 0, "verify", "--provider", "zendesk", "--request", file, "--secret", written(t, strings.Repeat("n", 32)),
		"--secret", written(t, hush), "--at", fmt.Sprint(sentAt.Unix()))
	assert.Equal(t, 1, got.Secret.Index)
	assert.Equal(t, providers.SecretID(hush), got.Secret.ID)
	assert.Equal(t, sentAt, *got.SignedAt)
	assert.Equal(t, "signed", got.Assurance)
	assert.NotEmpty(t, got.Scheme)
}

// The same request from each kind of capture.
func TestVerifyReadsEveryCapture(t *testing.T) {
	t.Parallel()
	r := made(t, "zendesk", zendeskTicket, providers.Config{})
	body := written(t, zendeskTicket)
	head, _, _ := strings.Cut(raw(r), "\r\n\r\n")
	curl := "* Connected to alerts.example.com\n> " + strings.ReplaceAll(head, "\r\n", "\n> ") + "\n>\n< HTTP/1.1 401 Unauthorized\n"
	type pair map[string]string
	var headers []pair
	flags := []string{}
	for name := range r.Header {
		headers = append(headers, pair{"name": name, "value": r.Header.Get(name)})
		flags = append(flags, "--header", name+": "+r.Header.Get(name))
	}
	har, err := json.Marshal(map[string]any{"log": map[string]any{"entries": []any{map[string]any{
		"startedDateTime": sentAt.Format(time.RFC3339), "request": map[string]any{
			"method": "POST", "url": r.URL.String(), "headers": headers, "postData": map[string]any{"text": zendeskTicket},
		},
	}}}})
	require.NoError(t, err)
	at := []string{"--at", sentAt.Format(time.RFC3339)}
	for name, args := range map[string][]string{
		"raw":     append(at, "--request", written(t, raw(r))),
		"curl":    append(at, "--request", written(t, curl), "--body", body),
		"har":     {"--har", written(t, string(har))},
		"request": {"--request", written(t, string(har)), "--entry", "1"},
		"flags":   append(append(at, "--body", body), flags...),
		"headers": append(at, "--body", body, "--headers", written(t, head)),
	} {
		got := judged(t, 0, append([]string{"verify", "--provider", "zendesk", "--secret", written(t, hush)}, args...)...)
		assert.Equal(t, "accepted", got.Decision, name)
	}
}

func TestVerifyAnswersHandshakes(t *testing.T) {
	t.Parallel()
	challenge := `{"type":"url_verification","challenge":"abc","token":"x"}`
	r := made(t, "slack", challenge, providers.Config{})
	got := judged(t, 0, "verify", "--provider", "slack", "--request", written(t, raw(r)), "--secret", written(t, hush), "--at", "1760011200")
	assert.Equal(t, "abc", got.Handshake.Body)
	got = judged(t, 1, "verify", "--provider", "slack", "--method", "GET", "--url", "https://alerts.example.com/webhooks/slack")
	assert.Equal(t, "method_not_allowed", got.Code)
}

func TestParseTellsWhatItBecomes(t *testing.T) {
	t.Parallel()
	body := written(t, zendeskTicket)
	got := judged(t, 0, "parse", "--provider", "zendesk", "--body", body, "--source", "support")
	assert.False(t, *got.Verified)
	assert.Equal(t, "signals", got.Becomes)
	assert.Contains(t, got.Reason, "not verified")
	require.Len(t, got.Signals, 1)
	assert.Equal(t, "support:ticket:35436", got.Signals[0]["workflow_id"])
	assert.Contains(t, got.Signals[0]["title"], "jo@example.com")
	assert.NotContains(t, got.Signals[0], "raw_payload")

	got = judged(t, 0, "parse", "--provider", "zendesk", "--body", body, "--scrub", "--explain", "--json")
	assert.Regexp(t, `Cannot pay, call <PHONE_\d+> or write to <EMAIL_\d+>`, got.Signals[0]["title"])
	require.NotEmpty(t, got.Explain)
	for _, e := range got.Explain {
		assert.NotContains(t, e.Value, "jo@example.com", e.Field)
	}

	request := written(t, raw(made(t, "zendesk", zendeskTicket, providers.Config{})))
	args := []string{"parse", "--provider", "zendesk", "--request", request, "--at", "1760011200"}
	assert.True(t, *judged(t, 0, append(args, "--secret", written(t, hush))...).Verified)
	refused := judged(t, 1, append(args, "--secret", written(t, strings.Repeat("o", 32)))...)
	assert.False(t, *refused.Verified)
	assert.Empty(t, refused.Signals, "nothing is read of what is not proved")

	refused = judged(t, 1, "parse", "--provider", "zendesk", "--body", written(t, "[]"))
	assert.Equal(t, "malformed_payload", refused.Code)
	assert.Equal(t, http.StatusBadRequest, refused.HTTPStatus)
}

const ownMapping = `title: Batch jobs
verify: [{use: token}]
event_id: body.delivery
shapes:
  - name: job
    each: body.jobs
    key: item.id
    title: ['item.name + " failed"', item.name]
    severity: item.rank
    status: item.state
    tags: item.labels
    links: {Log: item.log}
`

const ownPayload = `{"delivery":"d-1","jobs":[
 {"id":"j-1","name":"import","rank":"P1","state":"broken","labels":{"service":"warehouse"},"log":"https://ci.example.com/1"},
 {"id":"j-2","name":"export","state":"recovered","labels":{"team":"data"}}]}`

// TestExplainGolden pins the table of a mapping and of code.
func TestExplainGolden(t *testing.T) {
	t.Parallel()
	mapping := filepath.Join(t.TempDir(), "batch-jobs.yaml")
	require.NoError(t, os.WriteFile(mapping, []byte(ownMapping), 0o600))
	for name, args := range map[string][]string{
		"mapping": {"--mapping", mapping, "--body", written(t, ownPayload)},
		"code":    {"--provider", "zendesk", "--body", written(t, zendeskTicket)},
	} {
		code, out, errOut := run(t, append([]string{"parse", "--explain"}, args...)...)
		require.Zero(t, code, errOut)
		for line := range strings.Lines(out) {
			assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 100, line)
		}
		path := filepath.Join("testdata", "explain_"+name+".golden")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o750))
			require.NoError(t, os.WriteFile(path, []byte(out), 0o600))
			continue
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err, "run: go test ./internal/cli -run Golden -update")
		assert.Equal(t, string(want), out, name)
	}
}

func TestRequestMistakes(t *testing.T) {
	t.Parallel()
	body, secret := written(t, `{"title":"x"}`), written(t, hush)
	request := written(t, raw(made(t, "datadog", `{"title":"x"}`, providers.Config{})))
	har := written(t, `{"log":{"entries":[]}}`)
	verify := func(args ...string) []string { return append([]string{"verify", "--provider", "datadog"}, args...) }
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"verify", "--body", body}, "--provider"},
		{[]string{"parse", "--provider", "datadog", "--mapping", body, "--body", body}, "can't be used together"},
		{[]string{"parse", "--provider", "dataodg", "--body", body}, "did you mean datadog?"},
		{[]string{"parse", "--mapping", body, "--body", body}, "shapes is missing: at least one says how the payload is read"},
		{verify(), "there is no request to read"},
		{verify("--body", body), "--secret is missing: nothing can be verified without it. Datadog cannot sign"},
		{verify("--body", body, "--secret", hush), "--secret: there is no such file. Give a file, - for standard input, or env:NAME; never the secret"},
		{verify("--body", body, "--secret", "env:NERVE_NO_SUCH_VARIABLE"), "the variable NERVE_NO_SUCH_VARIABLE is not set"},
		{verify("--body", body, "--secret", written(t, " \n")), "--secret: it is empty"},
		{verify("--body", "-", "--secret", "-"), "--body and --secret cannot both be standard input"},
		{verify("--secret", "-", "--secret", "-", "--body", body), "cannot both be standard input"},
		{verify("--body", request, "--secret", secret), "--body: this is a whole request: give it with --request"},
		{verify("--body", har, "--secret", secret), "--body: this is a HAR file"},
		{verify("--request", body, "--secret", secret), "--request: this is a body without its request"},
		{verify("--request", request, "--body", body, "--secret", secret), "the request has a body, so leave --body out"},
		{verify("--request", written(t, "> POST / HTTP/1.1\n> Content-Length: 2\n>\n"), "--secret", secret), "curl -v does not print the body"},
		{verify("--har", request, "--secret", secret), "--har: the file is not a HAR file"},
		{verify("--har", har, "--secret", secret), "--har: the HAR file holds no request"},
		{verify("--har", har, "--body", body, "--secret", secret), "leave --body out"},
		{verify("--body", body, "--entry", "2", "--secret", secret), "--entry chooses"},
		{verify("--body", body, "--entry", "0", "--secret", secret), `--entry: "0" is not how many`},
		{verify("--body", body, "--header", "nonsense", "--secret", secret), `--header: "nonsense" is not a header`},
		{verify("--body", body, "--headers", written(t, "a b: c"), "--secret", secret), "--headers: line 1: "},
		{verify("--body", body, "--at", "yesterday", "--secret", secret), `--at: "yesterday" is not a time`},
		{verify("--body", body, "--tolerance-past", "5", "--secret", secret), `--tolerance-past: "5" is not a duration`},
		{verify("--body", body, "--url", "nonsense", "--secret", secret), "--url: give the whole URL"},
		{verify("--body", body, "--scheme", "other", "--secret", secret), `no scheme "other"`},
		{[]string{"sources", "providers", "slak"}, "did you mean slack?"},
		{[]string{"sources", "new", "--file", body, "--name", "slack"}, "nerve knows slack already"},
		{[]string{"sources", "new", "--file", body, "--name", "Not A Name"}, "a name is 1 to 40"},
		{[]string{"sources", "new", "--file", written(t, "hello")}, "a JSON object is needed"},
	} {
		code, out, errOut := run(t, tt.args...)
		assert.Equal(t, 2, code, "%v %s", tt.args, errOut)
		assert.Empty(t, out, tt.args)
		assert.Contains(t, errOut, tt.want, tt.args)
		assert.NotContains(t, errOut, hush, "what was given may be the secret")
	}
}

func TestSecretFromTheEnvironment(t *testing.T) {
	t.Setenv("NERVE_TEST_SECRET", hush)
	request := written(t, raw(made(t, "datadog", `{"title":"x"}`, providers.Config{})))
	judged(t, 0, "verify", "--provider", "datadog", "--request", request, "--secret", "env:NERVE_TEST_SECRET")
}

func TestSourcesAreListed(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, "sources", "providers")
	require.Zero(t, code)
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 100, line)
	}
	code, all, _ := run(t, "sources", "providers", "--json")
	require.Zero(t, code)
	var listed []struct {
		Name, Vendor, Proof string
		Fixtures            []string
	}
	require.NoError(t, json.Unmarshal([]byte(all), &listed))
	require.Len(t, listed, len(providers.Names()))
	for _, v := range listed {
		assert.Contains(t, out, v.Name)
		assert.Contains(t, []string{"signed", "token", "weak"}, v.Proof, v.Name)
		assert.NotEmpty(t, v.Vendor)
	}
	code, one, _ := run(t, "sources", "providers", "slack")
	require.Zero(t, code)
	assert.Contains(t, one, "slack v0: hmac in X-Slack-Signature")
	assert.Contains(t, one, "nerve send slack")
}

// What sources new writes is what parse reads.
func TestSourcesNewIsReadByParse(t *testing.T) {
	t.Parallel()
	payload := written(t, `{"title":"Disk full","state":"down","id":"7"}`)
	code, mapping, errOut := run(t, "sources", "new", "--name", "disks", "--file", payload)
	require.Zero(t, code, errOut)
	got := judged(t, 0, "parse", "--mapping", written(t, mapping), "--body", payload)
	require.Len(t, got.Signals, 1)
	assert.Equal(t, "Disk full", got.Signals[0]["title"])
	assert.Equal(t, "firing", got.Signals[0]["status"])
}
