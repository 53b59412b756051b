package output

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/outbound"
)

// open begins to read an output, wherever it is, and says what its server calls it.
func (s *Store) open(ctx context.Context, raw string, policy contract.TaskPolicy) (body io.ReadCloser, declared string, err error) {
	if raw == "" {
		return nil, "", &Error{Name: "no_output", Text: "the task has no output that could be fetched: neither a URL nor a data: URI"}
	}
	if len(raw) > 5 && strings.EqualFold(raw[:5], "data:") {
		content, declared, err := inline(raw)
		return io.NopCloser(bytes.NewReader(content)), declared, err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, "", &Error{Name: "bad_url", Text: "the output's URL cannot be read"}
	}
	rules := outbound.Rules{Hosts: policy.Hosts, AllowHTTP: s.allowHTTP}
	if err := rules.Check(u); err != nil {
		return nil, "", outbound.Translate("fetch the output", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, "", &Error{Name: "bad_url", Text: "the output's URL cannot be read"}
	}
	req.Header.Set("User-Agent", "nerve")
	resp, err := outbound.Fetcher(s.transport, rules).Do(req)
	if err != nil {
		return nil, "", outbound.Translate("fetch the output", err)
	}
	if err := s.usable(resp, policy.MaxBytes); err != nil {
		_ = resp.Body.Close()
		return nil, "", err
	}
	return resp.Body, resp.Header.Get("Content-Type"), nil
}

// usable refuses an answer before its body is read.
func (s *Store) usable(resp *http.Response, limit int64) error {
	if err := outbound.Answer("fetch the output", resp, s.now()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return &Error{Name: "read", Text: "the server answered with a part of the output", Retry: true}
	}
	if resp.ContentLength > limit {
		return tooLarge()
	}
	// The transport asks for gzip and undoes it; the size is bounded after that.
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &Error{Name: "encoding_forbidden", Text: "the output is encoded in a way that was not asked for"}
	}
	return nil
}

func tooLarge() error {
	return &Error{Name: "too_large", Text: "the output is larger than the source allows"}
}

// inline reads a data: URI.
func inline(raw string) (content []byte, declared string, err error) {
	bad := &Error{Name: "bad_url", Text: "the output's data: URI cannot be read"}
	head, data, ok := strings.Cut(raw[len("data:"):], ",")
	if !ok {
		return nil, "", bad
	}
	declared, encoded := strings.CutSuffix(head, ";base64")
	if declared == "" {
		declared = "text/plain"
	}
	if !encoded {
		text, err := url.PathUnescape(data)
		if err != nil {
			return nil, "", bad
		}
		return []byte(text), declared, nil
	}
	if content, err = base64.StdEncoding.DecodeString(data); err != nil {
		return nil, "", bad
	}
	return content, declared, nil
}

// errLarge ends a copy that has reached its bound.
var errLarge = errors.New("output: larger than allowed")

// atMost fails a reader that gives more than n bytes.
type atMost struct {
	r io.Reader
	n int64
}

func (a *atMost) Read(p []byte) (int, error) {
	if int64(len(p)) > a.n+1 {
		p = p[:a.n+1]
	}
	read, err := a.r.Read(p)
	if a.n -= int64(read); a.n < 0 {
		return read, errLarge
	}
	return read, err
}
