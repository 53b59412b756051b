package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var requestLine = regexp.MustCompile(`^([A-Z]{3,10}) (\S+) (HTTP/[0-9](?:\.[0-9])?)$`)

func isRequestLine(line string) bool { return requestLine.MatchString(strings.TrimSpace(line)) }

// readHTTP reads a request as it goes over the wire, with LF or CRLF.
func readHTTP(raw []byte) (*Request, error) {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	head, body, found := cutHead(raw)
	r := &Request{Format: FormatHTTP, Body: body}
	if err := r.readHead(string(head)); err != nil {
		return nil, err
	}
	if !found {
		r.Body = nil
	}
	return r, r.frame()
}

// cutHead cuts at the first blank line.
func cutHead(raw []byte) (head, body []byte, found bool) {
	for at := 0; ; {
		end := bytes.IndexByte(raw[at:], '\n')
		if end < 0 {
			return raw, nil, false
		}
		if line := bytes.TrimRight(raw[at:at+end], "\r"); len(line) == 0 {
			return raw[:at], raw[at+end+1:], true
		}
		at += end + 1
	}
}

// readHead reads the request line and the headers.
func (r *Request) readHead(head string) error {
	line, rest, _ := strings.Cut(head, "\n")
	m := requestLine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return fmt.Errorf("%q is not a request line such as POST /path HTTP/1.1", shorten(strings.TrimSpace(line)))
	}
	h, special, err := headers(rest, false)
	if err != nil {
		return fmt.Errorf("below the request line: %w", err)
	}
	r.Method, r.Header = m[1], h
	r.URL, err = calledURL(m[2], h.Get("Host"), special[":authority"], special[":scheme"])
	return err
}

// calledURL is the URL of a request line: the vendor called it by https, unless
// the capture says otherwise.
func calledURL(target, host, authority, scheme string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the URL of the request line cannot be read")
	}
	if u.Host == "" {
		u.Host = host
		if u.Host == "" {
			u.Host = authority
		}
	}
	if u.Scheme == "" && u.Host != "" {
		u.Scheme = "https"
		if scheme != "" {
			u.Scheme = scheme
		}
	}
	return u, nil
}

// frame cuts the body where its framing says that it ends: an editor puts a line
// end behind it, which was not sent and not signed.
func (r *Request) frame() error {
	if strings.EqualFold(r.Header.Get("Transfer-Encoding"), "chunked") {
		return r.unchunk()
	}
	declared := r.Header.Get("Content-Length")
	if declared == "" {
		if trimmed := bytes.TrimRight(r.Body, "\r\n"); len(trimmed) < len(r.Body) {
			r.Notes = append(r.Notes, "there is no Content-Length, so the line end behind the body was taken for a part of it")
		}
		return nil
	}
	n, err := strconv.Atoi(declared)
	switch {
	case err != nil || n < 0:
		return fmt.Errorf("Content-Length is %q, which is no length", shorten(declared))
	case n > len(r.Body):
		r.Notes = append(r.Notes, fmt.Sprintf("the body has %d bytes and Content-Length says %d: it was cut or rewritten when it was copied", len(r.Body), n))
	case len(bytes.TrimRight(r.Body[n:], "\r\n")) > 0:
		r.Notes = append(r.Notes, fmt.Sprintf("the body has %d bytes and Content-Length says %d: only those were read", len(r.Body), n))
		r.Body = r.Body[:n]
	default:
		r.Body = r.Body[:n]
	}
	return nil
}

// unchunk joins the chunks of a body. Tools that show a request often have done
// that already.
func (r *Request) unchunk() error {
	joined, err := io.ReadAll(httputil.NewChunkedReader(bufio.NewReader(bytes.NewReader(r.Body))))
	if err != nil {
		r.Notes = append(r.Notes, "Transfer-Encoding says chunked and the body is not: it was taken as it is")
		return nil
	}
	r.Body = joined
	return nil
}

var curlConnected = regexp.MustCompile(`(?m)^\* (?:Connected|Established connection) to `)

// hasCurlRequest reports whether a line of the text is a request line behind "> ".
func hasCurlRequest(raw []byte) bool {
	for line := range strings.Lines(string(raw)) {
		if rest, ok := curlSent(line); ok && isRequestLine(rest) {
			return true
		}
	}
	return false
}

// curlSent returns what a line of curl -v says was sent.
func curlSent(line string) (string, bool) {
	line = strings.TrimRight(line, "\r\n")
	if line == ">" {
		return "", true
	}
	return strings.CutPrefix(line, "> ")
}

// readCurl reads the last request of what curl -v prints: it may have asked
// before, or been sent on. The body is not among it.
func readCurl(raw []byte) (*Request, error) {
	var requests []string
	for line := range strings.Lines(string(raw)) {
		rest, ok := curlSent(line)
		switch {
		case !ok:
		case isRequestLine(rest):
			requests = append(requests, rest+"\n")
		case len(requests) > 0 && rest != "":
			requests[len(requests)-1] += rest + "\n"
		}
	}
	r := &Request{Format: FormatCurl}
	if err := r.readHead(requests[len(requests)-1]); err != nil {
		return nil, err
	}
	if len(requests) > 1 {
		r.Notes = append(r.Notes, fmt.Sprintf("the capture holds %d requests: the last was read", len(requests)))
	}
	if r.URL.Scheme == "https" && plainHTTP(raw) {
		r.URL.Scheme = "http"
	}
	length := r.Header.Get("Content-Length")
	r.NoBody = length != "" && length != "0" || r.Header.Get("Transfer-Encoding") != "" || r.Method == http.MethodPost && length != "0"
	return r, nil
}

// plainHTTP reports whether curl says that it connected, and nothing of TLS.
func plainHTTP(raw []byte) bool {
	return curlConnected.Match(raw) && !bytes.Contains(raw, []byte("TLS")) && !bytes.Contains(raw, []byte("port 443"))
}
