package providers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const checks = `
title: Example
shapes: [{title: body.title, key: body.id}]
handshakes:
  - method: GET
    when: headers["x-example-challenge"] != ""
    json: '{"verification": headers["x-example-challenge"]}'
  - method: GET
    when: query.challenge != ""
    text: query.challenge
  - method: OPTIONS
    when: headers["webhook-request-origin"] != ""
    text: '""'
    status: 204
    headers:
      WebHook-Allowed-Origin: headers["webhook-request-origin"]
      WebHook-Allowed-Rate: ['headers["webhook-request-rate"]', '"100"']
  - when: body.event == "endpoint.url_validation"
    crc: body.payload.plainToken
    json: '{"plainToken": body.payload.plainToken, "encryptedToken": crc, "ok": true}'
`

func TestHandshakes(t *testing.T) {
	t.Parallel()
	p, err := newMapped(mappingOf(t, checks), Config{Secrets: Secrets("secret-of-the-endpoint")})
	require.NoError(t, err)
	m := p.(*mapped)
	probe := func(method, query string, header ...string) *Response {
		r := &Request{Method: method, URL: &url.URL{RawQuery: query}, Header: http.Header{}}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return m.Probe(r)
	}
	okta := probe("GET", "", "X-Example-Challenge", "a<b")
	require.NotNil(t, okta)
	assert.Equal(t, "application/json", okta.ContentType)
	assert.JSONEq(t, `{"verification":"a<b"}`, string(okta.Body))
	assert.Equal(t, "abc", string(probe("GET", "challenge=abc").Body))
	assert.Equal(t, "text/plain; charset=utf-8", probe("GET", "challenge=abc").ContentType)
	assert.Nil(t, probe("GET", ""), "an ordinary visit")
	assert.Nil(t, probe("GET", "challenge="+strings.Repeat("x", 2000)), "nothing long is sent back")
	assert.Nil(t, probe("PUT", "challenge=abc"))
	assert.Nil(t, probe("POST", "challenge=abc"))

	events := probe("OPTIONS", "", "WebHook-Request-Origin", "events.example.com")
	require.NotNil(t, events)
	assert.Equal(t, http.StatusNoContent, events.Status)
	assert.Equal(t, "events.example.com", events.Header.Get("WebHook-Allowed-Origin"))
	assert.Equal(t, "100", events.Header.Get("WebHook-Allowed-Rate"))

	crc := m.Handshake(&Request{Method: "POST", Body: []byte(`{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`)})
	require.NotNil(t, crc)
	// openssl dgst -sha256 -hmac secret-of-the-endpoint
	assert.JSONEq(t, `{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"f83d9dc533bc430ff3503356a045b3f6a35538f255b1b64aa009ff64044fd5f0","ok":true}`, string(crc.Body))
	assert.Nil(t, m.Handshake(&Request{Method: "POST", Body: []byte(`{"title":"x"}`)}))
	assert.Nil(t, m.Handshake(&Request{Method: "POST", Body: []byte(`not json`)}))
}

func TestHandshakeMistakes(t *testing.T) {
	t.Parallel()
	_, err := parseMapping("example", "example.yaml", []byte(`
title: Example
verify: [{use: token}]
shapes: [{title: body.title}]
handshakes:
  - {method: PUT, when: 'true'}
  - {method: GET, when: 'true', crc: query.x, status: 302}
  - {text: crc}
`))
	for _, want := range []string{`method is "PUT"`, "crc needs a proof", "status is 302", "when is missing"} {
		require.ErrorContains(t, err, want)
	}
}

// transport answers every request of a client, and keeps their URLs.
type transport struct {
	status  int
	visited []string
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.visited = append(t.visited, r.URL.String())
	return &http.Response{
		StatusCode: t.status, Status: http.StatusText(t.status), Header: http.Header{"Location": {"https://elsewhere.example.com"}},
		Body: http.NoBody, Request: r,
	}, nil
}

func TestSubscriptionIsConfirmed(t *testing.T) {
	t.Parallel()
	m := mappingOf(t, `
title: Example
shapes: [{title: body.title}]
handshakes:
  - when: body.Type == "SubscriptionConfirmation"
    confirm: body.SubscribeURL
    text: '"confirmed"'
`)
	const right = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=a&Token=t"
	for address, want := range map[string]int{
		right: 200,
		"https://sns.eu-west-1.amazonaws.com/?Action=Publish":                                  503,
		"https://sns.eu-west-1.amazonaws.com.example.com/?Action=ConfirmSubscription":          503,
		"http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription":                       503,
		"https://169.254.169.254/?Action=ConfirmSubscription":                                  503,
		"https://user@sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription":                 503,
		"https://example.com#@sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&x=y&z=w": 503,
	} {
		visits := &transport{status: 200}
		p, err := newMapped(m, Config{Secrets: Secrets("s"), HTTP: &http.Client{Transport: visits}})
		require.NoError(t, err)
		got := p.(*mapped).Handshake(&Request{Method: "POST", Body: []byte(`{"Type":"SubscriptionConfirmation","SubscribeURL":"` + address + `"}`)})
		require.NotNil(t, got, address)
		assert.Equal(t, want, got.Status, address)
		if want == 200 {
			assert.Equal(t, []string{address}, visits.visited)
		} else {
			assert.Empty(t, visits.visited, address)
		}
	}
	for _, status := range []int{302, 403, 500} {
		visits := &transport{status: status}
		p, err := newMapped(m, Config{Secrets: Secrets("s"), HTTP: &http.Client{Transport: visits}})
		require.NoError(t, err)
		got := p.(*mapped).Handshake(&Request{Method: "POST", Body: []byte(`{"Type":"SubscriptionConfirmation","SubscribeURL":"` + right + `"}`)})
		assert.Equal(t, 503, got.Status, "Amazon answered %d", status)
		assert.Len(t, visits.visited, 1, "no redirect is followed")
	}
}
