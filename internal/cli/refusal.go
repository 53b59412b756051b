package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/providers"
)

// trial asks a provider what it would say if one thing were different, to find
// out what is wrong with a request.
type trial struct {
	spec    providers.Spec
	cfg     providers.Config
	request *providers.Request
}

// anyTime is a tolerance that every time is within.
const anyTime = 200 * 365 * 24 * time.Hour

// proof verifies with the changes that were made, whatever the signed time.
func (t trial) proof() (providers.Proof, error) {
	t.cfg.TolerancePast, t.cfg.ToleranceFuture = anyTime, anyTime
	p, err := t.spec.New(t.cfg)
	if err != nil {
		return providers.Proof{}, err
	}
	return p.Verify(t.request)
}

func (t trial) fits() bool { _, err := t.proof(); return err == nil }

func (t trial) withBody(body []byte) trial {
	r := *t.request
	r.Body = body
	t.request = &r
	return t
}

func (t trial) withSecrets(change func(string) (string, bool)) trial {
	secrets := make([]providers.Secret, 0, len(t.cfg.Secrets))
	for _, s := range t.cfg.Secrets {
		if v, ok := change(s.Value); ok {
			secrets = append(secrets, providers.Secret{Value: v})
		}
	}
	t.cfg.Secrets = secrets
	return t
}

// detail is what an error says beyond its kind.
func detail(err, kind error) string {
	text := strings.TrimPrefix(err.Error(), kind.Error())
	return plain(errors.New(strings.TrimPrefix(text, ": ")))
}

// stale says how old the signed time is, and what is allowed.
func (t trial) stale(err error) (string, []string) {
	proof, failed := t.proof()
	if failed != nil {
		return detail(err, providers.ErrStale), nil
	}
	past, future := t.spec.Tolerance(proof.Scheme, t.cfg)
	age := t.request.ReceivedAt.Sub(proof.SignedAt)
	at := proof.SignedAt.UTC().Format(time.RFC3339)
	if age < 0 {
		return fmt.Sprintf("the timestamp is %s ahead (%s): the tolerance is %s", rough(-age), at, rough(future)),
			[]string{"the signature fits. One of the two clocks is wrong, or --at is before it was sent"}
	}
	return fmt.Sprintf("the timestamp is %s old (%s): the tolerance is %s", rough(age), at, rough(past)),
		[]string{"the signature fits. For a delivery that was recorded, say with --at when it was received"}
}

// rough is a duration as people say it.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 72*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

func relative(age time.Duration) string {
	if age < 0 {
		return rough(-age) + " after it came"
	}
	return rough(age) + " before it came"
}

// proofLike are the names of headers that may carry a proof.
var proofLike = regexp.MustCompile(`(?i)signature|token|hmac|^authorization$|secret|api-key|auth-key`)

// unsigned says what is missing, and what the request has instead.
func (t trial) unsigned(err error) (string, []string) {
	carriers := t.spec.Carriers(t.cfg)
	reason := "the proof is missing: " + detail(err, providers.ErrUnsigned)
	switch {
	case len(carriers) == 1:
		reason = carrier(carriers[0]) + " is missing"
	case len(carriers) > 1:
		named := make([]string, len(carriers))
		for i, c := range carriers {
			named[i] = carrier(c)
		}
		reason = "no proof is there: " + strings.Join(named[:len(named)-1], ", ") + " or " + named[len(named)-1] + " would carry it"
	}
	if weak := t.spec.WeakProof(t.request); weak != "" && !t.cfg.AllowWeak {
		return reason + "; the request has " + weak + ", which is SHA-1: --allow-weak accepts it", nil
	}
	var hints []string
	for _, name := range headerNames(t.request.Header) {
		if !proofLike.MatchString(name) || slices.Contains(carriers, name) {
			continue
		}
		hint := "the request has " + name + ", where " + t.spec.Title + " does not put a proof"
		if others := readers(name, t.spec.Name); len(others) > 0 {
			hint += "; " + strings.Join(others, ", ") + " would"
		}
		hints = append(hints, hint)
	}
	return reason, hints
}

func carrier(name string) string {
	if strings.HasPrefix(name, "?") {
		return "the URL's parameter " + name
	}
	return "header " + name
}

func headerNames(h http.Header) []string {
	var names []string
	for name := range sorted(h) {
		names = append(names, name)
	}
	return names
}

// readers are the providers whose proof stands in a header that few use.
func readers(header, except string) []string {
	var found []string
	for _, spec := range providers.All() {
		if spec.Name != except && header != providers.TokenHeader && header != "Authorization" &&
			slices.Contains(spec.Carriers(providers.Config{AllowWeak: true}), header) {
			found = append(found, spec.Name)
		}
	}
	return found[:min(len(found), 3)]
}

// noSecret is how a verifier says that it tried every secret.
const noSecret = "no secret of"

// wrong says why a proof that is there does not fit.
func (t trial) wrong(err error) (string, []string) {
	said := detail(err, providers.ErrSignature)
	if weak := t.spec.WeakProof(t.request); weak != "" && !t.cfg.AllowWeak && strings.HasPrefix(said, weak+" ") {
		return "the only proof of the request is " + weak + ", which is SHA-1: --allow-weak accepts it", nil
	}
	if !strings.Contains(said, noSecret) {
		return "the proof is not usable: " + said, nil
	}
	n := len(t.cfg.Secrets)
	reason := fmt.Sprintf("the proof does not fit the secret (%s)", strings.TrimSuffix(said, ": "+noSecret+" 1 fits"))
	if n > 1 {
		reason = fmt.Sprintf("the proof fits none of the %d secrets (%s)", n, strings.TrimSuffix(said, fmt.Sprintf(": %s %d fits", noSecret, n)))
	}
	if hint := t.nearly(); hint != "" {
		return reason, []string{hint}
	}
	return reason, []string{
		"it is another secret, or the body is not byte for byte what was sent: a proxy, an editor or a logger may have rewritten it",
	}
}

// nearly tries what commonly happens to a body, a secret or a URL on its way.
func (t trial) nearly() string {
	body := t.request.Body
	var compact bytes.Buffer
	_ = json.Compact(&compact, body)
	for _, v := range []struct {
		body []byte
		what string
	}{
		{bytes.TrimRight(body, "\r\n"), "without the line end behind the body: an editor or echo added it"},
		{bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r")), "without the last line end behind the body: an editor or echo added it"},
		{append(bytes.Clone(body), '\n'), "with a line end behind the body: it was cut off when the body was saved"},
		{append(bytes.Clone(body), "\r\n"...), "with CRLF behind the body: it was cut off when the body was saved"},
		{bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), "with LF for CRLF: the line ends were rewritten"},
		{bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")), "with CRLF for LF: the line ends were rewritten"},
		{bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), "without the byte order mark: an editor added it"},
		{compact.Bytes(), "without the white space in the JSON: it was formatted when it was saved"},
	} {
		if !bytes.Equal(v.body, body) && len(v.body) > 0 && t.withBody(v.body).fits() {
			return "the signature fits " + v.what
		}
	}
	for _, v := range []struct {
		change func(string) (string, bool)
		what   string
	}{
		{func(s string) (string, bool) {
			b, err := base64.StdEncoding.DecodeString(s)
			return string(b), err == nil
		}, "decoded from base64"},
		{func(s string) (string, bool) { b, err := hex.DecodeString(s); return string(b), err == nil }, "decoded from hexadecimal"},
		{func(s string) (string, bool) { return s + "\n", true }, "with a line end behind it"},
		{func(s string) (string, bool) { return strings.Trim(s, `"'`), strings.Trim(s, `"'`) != s }, "without its quotes"},
		{func(s string) (string, bool) { return base64.StdEncoding.EncodeToString([]byte(s)), true }, "encoded as base64"},
	} {
		if t.withSecrets(v.change).fits() {
			return "the signature fits the secret " + v.what + ": that is how the sender uses it"
		}
	}
	return t.otherURL()
}

// otherURL tries the other scheme of the URL, which a proxy hides.
func (t trial) otherURL() string {
	u := t.request.URL
	if t.cfg.PublicURL != "" {
		u, _ = url.Parse(t.cfg.PublicURL)
	}
	if u == nil || u.Host == "" {
		return ""
	}
	for _, scheme := range []string{"http", "https"} {
		other := *u
		other.Scheme = scheme
		t.cfg.PublicURL = other.String()
		if scheme != u.Scheme && t.fits() {
			return "the signature fits " + scheme + ":// in the URL: set --public-url to what the vendor was given"
		}
	}
	return ""
}
