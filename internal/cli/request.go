package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/nerve-alerts/nerve/internal/capture"
	"github.com/nerve-alerts/nerve/providers"
)

// requestFlags say where one request is to be read from.
type requestFlags struct {
	Body    string   `help:"A file with the body alone, byte for byte; - is standard input." placeholder:"FILE"`
	Header  []string `help:"A header of the request; repeat it for each." placeholder:"'Name: value'" sep:"none"`
	Headers string   `help:"A file with the headers, one on each line." placeholder:"FILE"`
	Request string   `help:"A whole request: raw HTTP, what curl -v prints (with --body), or a HAR file." placeholder:"FILE" xor:"whole"`
	HAR     string   `name:"har" help:"A HAR file." placeholder:"FILE" xor:"whole"`
	Entry   count    `help:"Which request of a HAR file, from 1; the only POST by default." placeholder:"N"`
	Method  string   `help:"The method, POST by default or as the request says." placeholder:"METHOD"`
	URL     string   `name:"url" help:"The URL that was called, where the request does not say it." placeholder:"URL"`
	At      moment   `help:"When it was received (RFC 3339 or Unix seconds): now by default, or as the HAR file says." placeholder:"TIME"`
}

// moment is a time on the command line.
type moment struct{ time.Time }

// Decode reads a time.
func (m *moment) Decode(ctx *kong.DecodeContext) error {
	given := text(ctx)
	if at, err := time.Parse(time.RFC3339, given); err == nil {
		m.Time = at.UTC()
		return nil
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil || n <= 0 || n > 1e11 {
		return fmt.Errorf("%q is not a time: give one like 2026-01-31T12:00:00Z, or Unix seconds", given)
	}
	m.Time = time.Unix(n, 0).UTC()
	return nil
}

// span is a duration above zero on the command line.
type span time.Duration

// Decode reads a duration.
func (s *span) Decode(ctx *kong.DecodeContext) error {
	given := text(ctx)
	d, err := time.ParseDuration(given)
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not a duration: give one like 30s, 5m or 2h", given)
	}
	*s = span(d)
	return nil
}

// read returns the request, and doubts about whether it is what was sent.
func (f *requestFlags) read(now time.Time) (*providers.Request, []string, error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	got, err := f.captured()
	if err != nil {
		return nil, nil, err
	}
	if err := f.addHeaders(got.Header); err != nil {
		return nil, nil, err
	}
	r := &providers.Request{Method: got.Method, URL: got.URL, Header: got.Header, Body: got.Body, ReceivedAt: now}
	if f.Method != "" {
		r.Method = strings.ToUpper(f.Method)
	}
	if f.URL != "" {
		u, err := url.Parse(f.URL)
		if err != nil || u.Host == "" {
			return nil, nil, usageError{"--url: give the whole URL that was called, such as https://alerts.example.com/webhooks/name"}
		}
		r.URL = u
	}
	switch {
	case !f.At.IsZero():
		r.ReceivedAt = f.At.Time
	case !got.At.IsZero():
		r.ReceivedAt = got.At
	}
	return r, got.Notes, nil
}

func (f *requestFlags) check() error {
	if f.Body == "" && f.Request == "" && f.HAR == "" && f.Method == "" {
		return usageError{"there is no request to read: give --body FILE (with --header), --request FILE or --har FILE; - is standard input"}
	}
	if f.HAR != "" && f.Body != "" {
		return usageError{"--har: the file has the body, so leave --body out"}
	}
	if f.Entry > 0 && f.HAR == "" && f.Request == "" {
		return usageError{"--entry chooses a request of a HAR file: give one with --har"}
	}
	return onlyOneStdin(f.stdins()...)
}

func (f *requestFlags) stdins() []string {
	return []string{"--body", f.Body, "--headers", f.Headers, "--request", f.Request, "--har", f.HAR}
}

// onlyOneStdin takes flags and their values, and refuses a second "-".
func onlyOneStdin(flags ...string) error {
	first := ""
	for i := 0; i+1 < len(flags); i += 2 {
		if flags[i+1] != "-" {
			continue
		}
		if first != "" {
			return usageError{first + " and " + flags[i] + " cannot both be standard input"}
		}
		first = flags[i]
	}
	return nil
}

// captured reads the request as far as a file has it.
func (f *requestFlags) captured() (*capture.Request, error) {
	if f.Request == "" && f.HAR == "" {
		r := &capture.Request{Method: http.MethodPost, Header: http.Header{}}
		if f.Body == "" {
			return r, nil // a GET or an OPTIONS
		}
		var err error
		r.Body, err = f.readBody()
		return r, err
	}
	flag, path := "--request", f.Request
	if path == "" {
		flag, path = "--har", f.HAR
	}
	raw, err := readInput(flag, path)
	if err != nil {
		return nil, err
	}
	if format := capture.Sniff(raw); flag == "--har" && format != capture.FormatHAR {
		return nil, usageError{"--har: the file is not a HAR file; raw HTTP and what curl -v prints go with --request"}
	}
	r, err := capture.Read(raw, capture.Options{Entry: int(f.Entry)})
	if err != nil {
		return nil, usageError{flag + ": " + err.Error()}
	}
	return r, f.fillBody(flag, r)
}

// fillBody takes --body where the capture cannot hold one.
func (f *requestFlags) fillBody(flag string, r *capture.Request) error {
	switch {
	case f.Body != "" && len(r.Body) > 0:
		return usageError{flag + ": the request has a body, so leave --body out"}
	case f.Body != "":
		var err error
		r.Body, err = f.readBody()
		return err
	case r.NoBody && r.Format == capture.FormatCurl:
		return usageError{flag + ": curl -v does not print the body that it sent: give that with --body"}
	case r.NoBody:
		return usageError{flag + ": the body was not recorded: give it with --body and --request instead"}
	}
	return nil
}

func (f *requestFlags) readBody() ([]byte, error) {
	raw, err := readInput("--body", f.Body)
	if err != nil {
		return nil, err
	}
	switch capture.Sniff(raw) {
	case capture.FormatHAR:
		return nil, usageError{"--body: this is a HAR file: give it with --har"}
	case capture.FormatHTTP, capture.FormatCurl:
		return nil, usageError{"--body: this is a whole request: give it with --request"}
	}
	return raw, nil
}

// addHeaders adds what --headers and --header say to what the request has.
func (f *requestFlags) addHeaders(h http.Header) error {
	if f.Headers != "" {
		raw, err := readInput("--headers", f.Headers)
		if err != nil {
			return err
		}
		more, err := capture.Headers(raw)
		if err != nil {
			return usageError{"--headers: " + err.Error()}
		}
		for name, values := range more {
			h[name] = append(h[name], values...)
		}
	}
	for _, line := range f.Header {
		name, value, err := capture.Header(line)
		if err != nil {
			return usageError{"--header: " + err.Error()}
		}
		h.Add(name, value)
	}
	return nil
}

// readSecret reads a secret from a file, from standard input or from a variable.
// It never repeats what was given: that may be the secret, by mistake.
func readSecret(flag, where string) (string, error) {
	var value string
	switch name, isEnv := strings.CutPrefix(where, "env:"); {
	case isEnv:
		value = os.Getenv(name) //nolint:forbidigo // the operator names the variable
		if value == "" {
			return "", usageError{fmt.Sprintf("%s: the variable %s is not set", flag, name)}
		}
	default:
		if _, err := os.Stat(where); err != nil && where != "-" {
			return "", usageError{flag + ": there is no such file. Give a file, - for standard input, or env:NAME; " +
				"never the secret itself, which the process list and the shell's history would show"}
		}
		raw, err := readInput(flag, where)
		if err != nil {
			return "", err
		}
		value = string(raw)
	}
	if value = strings.TrimSpace(value); value == "" {
		return "", usageError{flag + ": it is empty"}
	}
	return value, nil
}
