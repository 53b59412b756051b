package providers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Default tolerances of a signed time: five minutes back and half a minute
// ahead. Vendors whose own SDKs accept ±5 minutes set both to five minutes.
const (
	defaultTolerancePast   = 300 * time.Second
	defaultToleranceFuture = 30 * time.Second
)

// maxTimestampLen bounds the timestamp header; the longest form in use, RFC 3339
// with nanoseconds and an offset, has 35 characters.
const maxTimestampLen = 40

// hmacScheme describes, as data, how a vendor signs a delivery. A new vendor is
// a new value, not new code.
type hmacScheme struct {
	name   string // for the delivery log: "slack v0"
	header string // carries the signature
	prefix string // in front of the encoded value: "v0="; empty for none
	// encode writes the code as the vendor does. Signatures are compared as
	// text, so that each has exactly one accepted spelling.
	encode func([]byte) string
	hash   func() hash.Hash // nil means SHA-256
	// content is what is signed; "{timestamp}" and "{body}" stand for the
	// timestamp header as it was sent and the raw body.
	content    string
	timeHeader string // carries the signed time; empty when the scheme has none
	parseTime  func(string) (time.Time, error)
	past       time.Duration // tolerances, 0 for the defaults above
	future     time.Duration
}

// hmacVerifier is a scheme with its secrets. It is safe for concurrent use.
type hmacVerifier struct {
	scheme  hmacScheme
	secrets [][]byte
	parts   []string // content, cut at its placeholders
}

// newHMACVerifier binds a scheme to a configuration. It fails without secrets,
// and when any of them is blank, because a blank key would let anybody sign.
func newHMACVerifier(scheme hmacScheme, cfg Config) (*hmacVerifier, error) {
	secrets, err := secretBytes(scheme.name, cfg.Secrets)
	if err != nil {
		return nil, err
	}
	if scheme.hash == nil {
		scheme.hash = sha256.New
	}
	scheme.past = firstDuration(cfg.TolerancePast, scheme.past, defaultTolerancePast)
	scheme.future = firstDuration(cfg.ToleranceFuture, scheme.future, defaultToleranceFuture)
	return &hmacVerifier{scheme: scheme, secrets: secrets, parts: cutTemplate(scheme.content)}, nil
}

// verify proves the delivery. The answer to a wrong signature does not depend on
// its time, so that a sender without the secret cannot probe the clock.
func (v *hmacVerifier) verify(r *Request) (Proof, error) {
	signature, err := oneHeader(r.Header, v.scheme.header)
	if err != nil {
		return Proof{}, err
	}
	var stamp string
	var signedAt time.Time
	if v.scheme.timeHeader != "" {
		if stamp, err = oneHeader(r.Header, v.scheme.timeHeader); err != nil {
			return Proof{}, err
		}
		if signedAt, err = v.readTime(stamp); err != nil {
			return Proof{}, err
		}
	}
	for i, secret := range v.secrets {
		if !hmac.Equal([]byte(v.sign(secret, stamp, r.Body)), []byte(signature)) {
			continue
		}
		if v.scheme.timeHeader != "" {
			if err := v.fresh(signedAt, r.ReceivedAt); err != nil {
				return Proof{}, err
			}
		}
		return Proof{Scheme: v.scheme.name, Assurance: AssuranceSigned, Secret: i, SignedAt: signedAt}, nil
	}
	return Proof{}, fmt.Errorf("%w: %s: no secret of %d fits", ErrSignature, v.scheme.name, len(v.secrets))
}

// signRequest adds the headers that a sender with the first secret would add.
func (v *hmacVerifier) signRequest(r *Request, stamp string) {
	r.Header.Set(v.scheme.header, v.sign(v.secrets[0], stamp, r.Body))
	if v.scheme.timeHeader != "" {
		r.Header.Set(v.scheme.timeHeader, stamp)
	}
}

func (v *hmacVerifier) sign(secret []byte, stamp string, body []byte) string {
	mac := hmac.New(v.scheme.hash, secret)
	for _, part := range v.parts {
		switch part {
		case "{timestamp}":
			mac.Write([]byte(stamp))
		case "{body}":
			mac.Write(body)
		default:
			mac.Write([]byte(part))
		}
	}
	return v.scheme.prefix + v.scheme.encode(mac.Sum(nil))
}

func (v *hmacVerifier) readTime(stamp string) (time.Time, error) {
	if len(stamp) > maxTimestampLen {
		return time.Time{}, fmt.Errorf("%w: %s: %s is too long", ErrSignature, v.scheme.name, v.scheme.timeHeader)
	}
	at, err := v.scheme.parseTime(stamp)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s: %s is not a time", ErrSignature, v.scheme.name, v.scheme.timeHeader)
	}
	return at, nil
}

func (v *hmacVerifier) fresh(signedAt, now time.Time) error {
	if age := now.Sub(signedAt); age > v.scheme.past || age < -v.scheme.future {
		return fmt.Errorf("%w: %s: signed %s before it came", ErrStale, v.scheme.name, age.Round(time.Second))
	}
	return nil
}

// oneHeader returns the value of a header that must be there exactly once. A
// second value is refused: two readers could take different ones for the truth.
func oneHeader(h http.Header, name string) (string, error) {
	values := h.Values(name)
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("%w: %s came %d times", ErrSignature, name, len(values))
	case len(values) == 0 || values[0] == "":
		return "", fmt.Errorf("%w: %s", ErrUnsigned, name)
	}
	return values[0], nil
}

// secretBytes checks the secrets and returns them as they are: a secret that
// looks like base64 or ends in a space may be just that.
func secretBytes(scheme string, secrets []string) ([][]byte, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("providers: %s needs a secret", scheme)
	}
	out := make([][]byte, len(secrets))
	for i, s := range secrets {
		if strings.TrimSpace(s) == "" {
			return nil, fmt.Errorf("providers: %s: secret %d is blank", scheme, i+1)
		}
		out[i] = []byte(s)
	}
	return out, nil
}

// cutTemplate splits a signed-content template at its placeholders, which stay
// in the result as parts of their own.
func cutTemplate(template string) []string {
	var parts []string
	for template != "" {
		at, length := len(template), 0
		for _, placeholder := range []string{"{timestamp}", "{body}"} {
			if i := strings.Index(template, placeholder); i >= 0 && i < at {
				at, length = i, len(placeholder)
			}
		}
		if at > 0 {
			parts = append(parts, template[:at])
		}
		if length > 0 {
			parts = append(parts, template[at:at+length])
		}
		template = template[at+length:]
	}
	return parts
}

func firstDuration(candidates ...time.Duration) time.Duration {
	for _, d := range candidates {
		if d > 0 {
			return d
		}
	}
	return 0
}

var (
	hexText    = hex.EncodeToString
	base64Text = base64.StdEncoding.EncodeToString
)

var errNotATime = errors.New("providers: not a time")

// unixSeconds reads plain decimal seconds, such as 1531420618. Signs, fractions
// and more than 11 digits (beyond the year 5000) are refused.
func unixSeconds(s string) (time.Time, error) {
	if s == "" || len(s) > 11 || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, errNotATime
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, errNotATime
	}
	return time.Unix(n, 0).UTC(), nil
}

// rfc3339OrUnix reads RFC 3339, and Unix seconds from senders that sign those.
func rfc3339OrUnix(s string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC(), nil
	}
	return unixSeconds(s)
}
