package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// handshake answers a vendor that checks the endpoint before it uses it.
type handshake struct {
	// Method is POST (default) for a check that proves itself like any delivery,
	// or GET or OPTIONS for one without a proof. Those are answered with what they
	// brought and nothing else, and go no further.
	Method string     `yaml:"method"`
	When   expression `yaml:"when"`
	Status int        `yaml:"status"` // 200 by default
	// CRC is a text of which the answer has to hold the hex HMAC-SHA256 under the
	// source's first secret; the answer's expressions see it as crc.
	CRC  expression `yaml:"crc"`
	JSON expression `yaml:"json"` // the answer's body, an object
	Text expression `yaml:"text"` // or as plain text
	// Confirm is a URL that has to be visited to agree to a subscription. Only
	// Amazon SNS's own hosts are.
	Confirm expression `yaml:"confirm"`
	// Headers of the answer; one without a value is left out.
	Headers map[string]choices `yaml:"headers"`
}

// maxChallengeLen bounds what is sent back. The longest in use, Event Grid's, is
// a GUID; Slack's has 52 characters.
const maxChallengeLen = 1024

// probeMethods come without a proof.
var probeMethods = []string{http.MethodGet, http.MethodOptions}

func (h *handshake) check(c *compiler) {
	if h.Method == "" {
		h.Method = http.MethodPost
	}
	if h.Status == 0 {
		h.Status = http.StatusOK
	}
	if h.Method != http.MethodPost && !slices.Contains(probeMethods, h.Method) {
		c.add("handshakes: method is %q: use POST, GET or OPTIONS", h.Method)
	}
	if h.When.text == "" {
		c.add("handshakes: when is missing: it tells the handshake from a delivery")
	}
	if h.CRC.text != "" && h.Method != http.MethodPost {
		c.add("handshakes: crc needs a proof, so it goes with POST only: anybody could have texts signed otherwise")
	}
	if h.Confirm.text != "" && h.Method != http.MethodPost {
		c.add("handshakes: confirm needs a proof, so it goes with POST only")
	}
	if h.Status < 200 || h.Status > 299 {
		c.add("handshakes: status is %d: use 200 to 299", h.Status)
	}
	c.condition(&h.When)
	c.expression(&h.CRC)
	c.expression(&h.Confirm)
	c.names, c.env = []string{"crc"}, nil
	c.expression(&h.JSON)
	c.expression(&h.Text)
	c.names, c.env = nil, nil
	for _, name := range sortedKeys(h.Headers) {
		c.choices(h.Headers[name])
	}
}

// Handshake answers a check that proved itself.
func (p *mapped) Handshake(r *Request) *Response { return p.shake(r, http.MethodPost) }

// Probe answers a check that comes as GET or OPTIONS, without a proof.
func (p *mapped) Probe(r *Request) *Response {
	if !slices.Contains(probeMethods, r.Method) {
		return nil
	}
	return p.shake(r, r.Method)
}

func (p *mapped) shake(r *Request, method string) *Response {
	var rd *reading
	for i := range p.m.Handshakes {
		h := &p.m.Handshakes[i]
		if h.Method != method {
			continue
		}
		if rd == nil {
			rd = p.m.reading(r, h.Method)
		}
		if truth(rd.value(&h.When)) {
			return p.answer(rd, h)
		}
	}
	return nil
}

// reading is a request's view for handshakes. Of one without a proof the body is
// not looked at.
func (m *mapping) reading(r *Request, method string) *reading {
	vars := scope{"body": absent{}, "headers": m.headers(r.Header), "query": queryView(r), "item": absent{}, "index": 0}
	if method == http.MethodPost {
		if body, err := payloadOf(r); err == nil {
			vars["body"] = view{}.NativeToValue(body)
		}
	}
	return &reading{m: m, batch: &Batch{}, vars: vars}
}

func (p *mapped) answer(rd *reading, h *handshake) *Response {
	out := &Response{Status: h.Status, ContentType: "text/plain; charset=utf-8", Header: http.Header{}}
	if h.Confirm.text != "" {
		if err := p.confirm(textValue(rd.value(&h.Confirm))); err != nil {
			// The sender repeats what was not taken.
			out.Status, out.Body = http.StatusServiceUnavailable, []byte("the subscription could not be confirmed")
			return out
		}
	}
	if challenge := textValue(rd.value(&h.CRC)); challenge != "" && len(p.secrets) > 0 {
		mac := hmac.New(sha256.New, []byte(p.secrets[0].Value))
		mac.Write([]byte(challenge))
		rd.vars["crc"] = hex.EncodeToString(mac.Sum(nil))
	}
	if h.JSON.text != "" {
		body, err := json.Marshal(plainValue(rd.value(&h.JSON)))
		if err != nil {
			return nil
		}
		out.ContentType, out.Body = "application/json", body
	} else {
		out.Body = []byte(textValue(rd.value(&h.Text)))
	}
	for _, name := range sortedKeys(h.Headers) {
		if v := rd.text("headers", h.Headers[name]); v != "" {
			if strings.ContainsFunc(v, unicode.IsControl) {
				return nil
			}
			out.Header.Set(name, v)
		}
	}
	if len(out.Body) > maxChallengeLen {
		return nil
	}
	return out
}

// confirmTimeout bounds the visit; SNS waits 15 s for an answer.
const confirmTimeout = 5 * time.Second

// confirm agrees to a subscription of Amazon SNS. Redirects are not followed.
func (p *mapped) confirm(address string) error {
	u, err := snsURL(address)
	if err != nil {
		return err
	}
	if u.Query().Get("Action") != "ConfirmSubscription" {
		return errors.New("providers: not the confirmation of a subscription")
	}
	client := http.Client{}
	if p.http != nil {
		client = *p.http
	}
	client.Timeout = confirmTimeout
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx, cancel := context.WithTimeout(context.Background(), confirmTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("providers: confirm a subscription: %w", err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("providers: confirm a subscription: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.CopyN(io.Discard, answer.Body, 64<<10); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("providers: confirm a subscription: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("providers: confirm a subscription: %s", answer.Status)
	}
	return nil
}

// plainValue is a value as encoding/json takes it.
func plainValue(v ref.Val) any {
	switch v := v.(type) {
	case node:
		return v.fields
	case list: // which answers as a Mapper too
		return textValue(v)
	case traits.Mapper:
		out := map[string]any{}
		for it := v.Iterator(); truth(it.HasNext()); {
			key := it.Next()
			out[textValue(key)] = plainValue(v.Get(key))
		}
		return out
	case types.Bool:
		return bool(v)
	case types.Int:
		return int64(v)
	}
	return textValue(v)
}

func queryView(r *Request) node {
	out := map[string]any{}
	if r.URL != nil {
		for name, values := range r.URL.Query() {
			out[name] = values[0]
		}
	}
	return node{out}
}
