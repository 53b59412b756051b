package providers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectorSchemes are the schemes of the vendors that published vectors.
var vectorSchemes = map[string][]Scheme{
	"circleci": {{Use: "circleci"}}, "github": {{Use: "github"}, {Use: "hub"}}, "gitlab": {{Use: "gitlab"}}, "gitea": {{Use: "gitea"}},
	"gogs": {{Use: "gogs"}}, "okta": {{Kind: KindToken, Header: "X-Okta-Token"}}, "pagerduty": {{Use: "pagerduty"}},
	"stripe": {{Use: "stripe"}}, "svix": {{Use: "standard_webhooks"}}, "standard_webhooks": {{Use: "standard_webhooks"}},
	"replicate": {{Use: "standard_webhooks"}}, "shopify": {{Use: "shopify"}}, "sendgrid": {{Use: "sendgrid"}},
	"twilio": {{Use: "twilio"}}, "jira": {{Use: "hub"}}, "bitbucket": {{Use: "hub"}}, "bitbucket_server": {{Use: "hub"}},
	"drone": {{Use: "drone"}}, "aws_sns": {{Use: "sns"}}, "rfc9421": {{Use: "http_signature"}},
	"generic": {{
		Name: "body and date", Kind: KindHMAC, Hash: "sha1", Weak: true, Header: "X-Signature", Content: "{body}{timestamp}",
		TimeHeader: "Date", TimeFormat: "Mon 02 Jan 2006 15:04:05 MST",
	}},
	"slack": {{Use: "slack"}}, "zendesk": {{Use: "zendesk"}},
}

// vector is one published signature.
type vector struct {
	Name, Secret, Body, URL, Expect string
	Headers                         map[string]string
	BodyFile                        string `json:"body_file"`
	Mutate                          map[string]string
}

// caught is a vector that is ready to be verified.
type caught struct {
	schemes []Scheme
	config  Config
	request *Request
	status  int // of a response
}

func (c caught) verifier() (*verifier, error) { return newVerifier(c.schemes, c.config) }

func (c caught) verify() (Proof, error) {
	v, err := c.verifier()
	if err != nil {
		return Proof{}, err
	}
	if c.status != 0 {
		return v.methods[0].(*httpSignature).verifyMessage(httpMessage{Request: c.request, status: c.status})
	}
	return v.Verify(c.request)
}

// copied returns a copy whose request can be changed.
func (c caught) copied() caught {
	r := *c.request
	r.Header, r.Body = r.Header.Clone(), bytes.Clone(r.Body)
	c.request = &r
	return c
}

// served answers each URL with its bytes, and 404 everywhere else.
type served map[string][]byte

func (s served) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, s[r.URL.String()]
	if body == nil {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(body)), Header: http.Header{}, Request: r}, nil
}

// catch makes a request of a vector and sets the clock to its time.
func catch(t *testing.T, dir, vendor string, v vector) caught {
	t.Helper()
	c := caught{schemes: vectorSchemes[vendor], config: Config{Secrets: Secrets(v.Secret), AllowWeak: true}}
	c.request = &Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(v.Body), ReceivedAt: time.Unix(1760000000, 0)}
	if v.BodyFile != "" {
		c.request.Body = readFile(t, filepath.Join(dir, vendor, v.BodyFile))
	}
	for name, value := range v.Headers {
		c.request.Header.Set(name, value)
		for _, format := range []string{"seconds", "rfc3339", "http_date", "Mon 02 Jan 2006 15:04:05 MST"} {
			clock, err := clockOf(format)
			require.NoError(t, err)
			text, _, _ := strings.Cut(strings.TrimPrefix(value, "t="), ",v")
			if at, err := clock.read(text); err == nil {
				c.request.ReceivedAt = at
			}
		}
	}
	switch vendor {
	case "sendgrid":
		c.config.Secrets = Secrets(strings.TrimPrefix(v.Secret, "(public key) "))
	case "twilio":
		u, err := url.Parse(v.URL)
		require.NoError(t, err)
		c.config.PublicURL, c.request.URL = v.URL, &url.URL{Path: u.Path, RawQuery: u.RawQuery}
	case "aws_sns":
		c.ofSNS(t, dir, v)
	case "rfc9421":
		c.ofHTTP(t, filepath.Join(dir, vendor), v)
	}
	return c
}

func (c *caught) ofSNS(t *testing.T, dir string, v vector) {
	t.Helper()
	var message map[string]any
	require.NoError(t, json.Unmarshal(c.request.Body, &message))
	for name, value := range v.Mutate {
		message[name] = value
		var err error
		c.request.Body, err = json.Marshal(message)
		require.NoError(t, err)
	}
	address := message["SigningCertURL"].(string)
	c.config.Secrets = Secrets(message["TopicArn"].(string))
	c.config.HTTP = &http.Client{Transport: served{address: readFile(t, filepath.Join(dir, "aws_sns", filepath.Base(address)))}}
	at, err := time.Parse(time.RFC3339, message["Timestamp"].(string))
	require.NoError(t, err)
	c.request.ReceivedAt = at
}

func (c *caught) ofHTTP(t *testing.T, dir string, v vector) {
	t.Helper()
	c.config.Secrets = Secrets(string(readFile(t, filepath.Join(dir, v.Secret))))
	c.request.ReceivedAt = time.Unix(1618884473, 0)
	text := bufio.NewReader(bytes.NewReader(readFile(t, filepath.Join(dir, v.BodyFile))))
	var body io.ReadCloser
	if strings.Contains(v.BodyFile, "response") {
		response, err := http.ReadResponse(text, nil) //nolint:bodyclose // bytes in memory
		require.NoError(t, err)
		c.request.Header, body, c.status = response.Header, response.Body, response.StatusCode
	} else {
		request, err := http.ReadRequest(text)
		require.NoError(t, err)
		c.request.Header, body, c.request.URL = request.Header, request.Body, request.URL
		c.config.PublicURL = "https://" + request.Host + request.URL.Path
	}
	var err error
	c.request.Body, err = io.ReadAll(body)
	require.NoError(t, err)
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// TestSchemesVectors holds every published vector against its scheme, and every
// change of a valid one against a refusal. Its log is the table of both.
func TestSchemesVectors(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("NERVE_CORPUS")
	if dir == "" {
		t.Skip("no corpus: set NERVE_CORPUS to a folder with <provider>/vectors.json to check published signatures")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "vectors.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		vendor := filepath.Base(filepath.Dir(file))
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, vectorSchemes, vendor, "vectors of a vendor without a scheme")
			var vectors []vector
			require.NoError(t, json.Unmarshal(readFile(t, file), &vectors))
			valid, invalid, refused := 0, 0, 0
			for _, v := range vectors {
				switch v.Expect {
				case "valid":
					valid++
					refused += mutate(t, vendor+"/"+v.Name, catch(t, dir, vendor, v))
				case "invalid":
					invalid++
					_, err := catch(t, dir, vendor, v).verify()
					require.ErrorIs(t, err, ErrSignature, v.Name)
				case "config-error":
					invalid++
					_, err := newVerifier(vectorSchemes[vendor], Config{Secrets: Secrets(v.Secret)})
					require.Error(t, err, v.Name)
				default:
					assert.Equal(t, "response", v.Expect, "%s: a vector of a kind that is not known", v.Name)
				}
			}
			t.Logf("%-18s %3d valid accepted %3d invalid refused %6d changes refused", vendor, valid, invalid, refused)
		})
	}
}
