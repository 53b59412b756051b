package providers

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// template is a scheme's content, cut at its placeholders.
type template []part

// part is fixed text, or a placeholder by its name without braces.
type part struct{ text, placeholder string }

// parseTemplate reads Scheme.Content. It fails on a placeholder that does not
// exist, or one whose value the scheme takes from nowhere.
func parseTemplate(s Scheme) (template, error) {
	var t template
	covered := false
	for rest := s.Content; rest != ""; {
		text, after, found := strings.Cut(rest, "{")
		if text != "" {
			t = append(t, part{text: text})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return nil, fmt.Errorf("content %q has a { without its }", s.Content)
		}
		switch {
		case name == "body", name == "body_sha256", name == "form":
			covered = true
		case name == "url", name == "method", name == "path":
		case name == "timestamp":
			if s.TimeHeader == "" && s.TimePrefix == "" {
				return nil, fmt.Errorf("content has {timestamp}, but neither time_header nor time_prefix says where it stands")
			}
		case name == "id":
			if s.IDHeader == "" {
				return nil, fmt.Errorf("content has {id}, but no id_header says where it stands")
			}
		case strings.HasPrefix(name, "header:") && len(name) > len("header:"):
			name = "header:" + textproto.CanonicalMIMEHeaderKey(name[len("header:"):])
		default:
			return nil, fmt.Errorf("content has {%s}, which is none of {body}, {body_sha256}, {form}, {header:Name}, {id}, {method}, {path}, {timestamp}, {url}", name)
		}
		t = append(t, part{placeholder: name})
		rest = tail
	}
	switch {
	case !covered && s.BodyParam == "":
		return nil, fmt.Errorf("content %q does not cover the body", s.Content)
	case s.timed() && !t.has("timestamp"):
		return nil, fmt.Errorf("content %q does not cover the time, so anybody could renew it: leave time_header out", s.Content)
	case s.BodyParam != "" && !t.has("url"):
		return nil, fmt.Errorf("body_param needs a content that covers {url}")
	}
	return t, nil
}

func (s Scheme) timed() bool { return s.TimeHeader != "" || s.TimePrefix != "" }

func (t template) has(placeholder string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.placeholder == placeholder })
}

// content is what fills a template for one request.
type content struct {
	request *Request
	stamp   string
	id      string
	url     string // one spelling of the URL that was called
	form    string
}

// render writes the signed bytes. It fails when a header that it needs is not
// there once.
func (t template) render(w io.Writer, c content) error {
	for _, p := range t {
		text := p.text
		switch p.placeholder {
		case "":
		case "body":
			_, _ = w.Write(c.request.Body) // hashes and buffers take everything
			continue
		case "body_sha256":
			sum := sha256.Sum256(c.request.Body)
			text = hex.EncodeToString(sum[:])
		case "timestamp":
			text = c.stamp
		case "id":
			text = c.id
		case "url":
			text = c.url
		case "form":
			text = c.form
		case "method":
			text = c.request.Method
		case "path":
			if c.request.URL != nil {
				text = c.request.URL.EscapedPath()
			}
		default:
			var err error
			if text, err = oneHeader(c.request.Header, strings.TrimPrefix(p.placeholder, "header:")); err != nil {
				return err
			}
		}
		_, _ = io.WriteString(w, text)
	}
	return nil
}

// calledURL is the URL that the vendor was given: the public one with the query
// of this request, or the request's own where that is complete.
func calledURL(r *Request, public string) (*url.URL, error) {
	if public == "" {
		if r.URL == nil || r.URL.Host == "" {
			return nil, fmt.Errorf("%w: the signature covers the URL: set public_url to what the vendor calls", ErrSignature)
		}
		return r.URL, nil
	}
	u, err := url.Parse(public)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: public_url is not a URL", ErrSignature)
	}
	if r.URL != nil && r.URL.RawQuery != "" {
		u.RawQuery = r.URL.RawQuery
	}
	return u, nil
}

// spellings are the URL as it is, and with its default port written or left out:
// senders differ in that.
func spellings(u *url.URL) []string {
	out := []string{u.String()}
	other := *u
	switch standard := map[string]string{"https": "443", "http": "80"}[u.Scheme]; {
	case standard == "":
		return out
	case u.Port() == "":
		other.Host = u.Host + ":" + standard
	case u.Port() == standard:
		other.Host = u.Hostname()
		if strings.Contains(other.Host, ":") {
			other.Host = "[" + other.Host + "]"
		}
	default:
		return out
	}
	return append(out, other.String())
}

// maxPairs bounds the pairs of a signed form.
const maxPairs = 1000

// signedForm joins the form's pairs, sorted by name and value and each once.
func signedForm(body []byte) (string, bool) {
	if len(body) == 0 {
		return "", true
	}
	if strings.Count(string(body), "&") >= maxPairs {
		return "", false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", false
	}
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	for _, k := range keys {
		values := slices.Clone(form[k])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			b.WriteString(k)
			b.WriteString(v)
		}
	}
	return b.String(), true
}

// bodyParam compares the body with the hash that the signed URL carries. A form
// has none, since its pairs are signed themselves.
func bodyParam(u *url.URL, name string, body []byte) (present, fits bool) {
	values := u.Query()[name]
	if len(values) == 0 {
		return false, false
	}
	sum := sha256.Sum256(body)
	fits = len(values) == 1 && subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(values[0])) == 1
	return true, fits
}

// clock reads and writes a signed time.
type clock struct {
	read  func(string) (time.Time, error)
	write func(time.Time) string
}

func clockOf(format string) (clock, error) {
	layout := func(name string) clock {
		return clock{
			func(s string) (time.Time, error) { return time.Parse(name, s) },
			func(t time.Time) string { return t.UTC().Format(name) },
		}
	}
	switch format {
	case "seconds":
		return clock{unixSeconds, func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }}, nil
	case "milliseconds":
		return clock{unixMillis, func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }}, nil
	case "rfc3339":
		return layout(time.RFC3339), nil
	case "rfc3339_or_seconds":
		return clock{rfc3339OrUnix, layout(time.RFC3339).write}, nil
	case "http_date":
		return clock{http.ParseTime, layout(http.TimeFormat).write}, nil
	}
	if !strings.Contains(format, "2006") || !strings.Contains(format, "04") {
		return clock{}, fmt.Errorf("time_format %q is not one of seconds, milliseconds, rfc3339, rfc3339_or_seconds, http_date, nor a layout such as %q", format, time.RFC3339)
	}
	return layout(format), nil
}

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

// unixMillis reads plain decimal milliseconds, such as 1531420618000.
func unixMillis(s string) (time.Time, error) {
	if s == "" || len(s) > 14 || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, errNotATime
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, errNotATime
	}
	return time.UnixMilli(n).UTC(), nil
}

// rfc3339OrUnix reads RFC 3339, and Unix seconds from senders that sign those.
func rfc3339OrUnix(s string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC(), nil
	}
	return unixSeconds(s)
}
