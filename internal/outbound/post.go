package outbound

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Key signs what is posted. It hides itself from whatever prints it.
type Key struct{ raw []byte }

// minKey and maxKey are the lengths that Standard Webhooks asks for, in bytes.
const (
	minKey = 24
	maxKey = 64
)

// ParseKey reads a secret of Standard Webhooks: whsec_ and base64 of 24 to 64 bytes.
func ParseKey(text string) (Key, error) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) < minKey || len(raw) > maxKey {
		return Key{}, fmt.Errorf("outbound: the secret is not whsec_ and base64 of %d to %d bytes", minKey, maxKey)
	}
	return Key{raw}, nil
}

// String hides the key.
func (Key) String() string { return "signing key" }

// GoString hides the key from %#v.
func (Key) GoString() string { return "signing key" }

// MarshalText hides the key from encoders.
func (Key) MarshalText() ([]byte, error) { return []byte("signing key"), nil }

// Sign is the signature of a message as Standard Webhooks wants it.
func (k Key) Sign(id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, k.raw)
	_, _ = fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body) // a hash takes everything
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Poster posts signed messages.
type Poster struct {
	client *http.Client
	now    func() time.Time
}

// NewPoster returns a Poster on a transport. It follows no redirect: a subscriber
// that has moved has to be told to nerve. now may be nil.
func NewPoster(t http.RoundTripper, now func() time.Time) *Poster {
	if now == nil {
		now = time.Now
	}
	return &Poster{client: unfollowed(t), now: now}
}

// Message is one thing to post. ID names it to the receiver, the same on every
// attempt; the time that is signed is that of the attempt.
type Message struct {
	URL  string
	Key  Key
	ID   string
	Body []byte // JSON
}

// maxAnswer is how much of an answer is read, so that its connection can be used
// again.
const maxAnswer = 4 << 10

// Post signs a message and posts it. Its error is an *Error: any answer but a 2xx
// is one.
func (p *Poster) Post(ctx context.Context, op string, m Message) error {
	if len(m.Key.raw) == 0 {
		return errors.New("outbound: a message needs a key")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return &Error{Op: op, Name: "bad_url"}
	}
	at := p.now()
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"nerve"},
		"Webhook-Id": {m.ID}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {m.Key.Sign(m.ID, at, m.Body)},
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return Translate(op, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // what it says does not matter
	return Answer(op, resp, at)
}
