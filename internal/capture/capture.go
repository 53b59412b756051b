package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Format is a kind of capture.
type Format string

// The formats that are known.
const (
	FormatHTTP Format = "http" // request line, headers, blank line, body
	FormatCurl Format = "curl" // what curl -v prints
	FormatHAR  Format = "har"  // HTTP Archive 1.2
)

// Request is what a capture holds.
type Request struct {
	Format Format
	Method string
	URL    *url.URL // as far as the capture tells
	Header http.Header
	Body   []byte
	// NoBody says that the format cannot hold the body that the request had.
	NoBody bool
	// At is when it was sent; zero when the format does not tell.
	At time.Time
	// Notes are doubts about whether it is what was sent, for a person.
	Notes []string
}

// ErrUnknown means that the bytes are none of the formats.
var ErrUnknown = errors.New("this is neither a raw HTTP request (POST /path HTTP/1.1, headers, a blank line, the body), " +
	"nor what curl -v prints (lines with \">\"), nor a HAR file")

// Options choose within a capture.
type Options struct {
	// Entry is which request of a HAR file, from 1; 0 takes the only POST.
	Entry int
}

// Read tells the format and reads the request.
func Read(raw []byte, o Options) (*Request, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	switch Sniff(raw) {
	case FormatHAR:
		return readHAR(raw, o.Entry)
	case FormatCurl:
		return readCurl(raw)
	case FormatHTTP:
		return readHTTP(raw)
	}
	switch trimmed := bytes.TrimSpace(raw); {
	case len(trimmed) == 0:
		return nil, errors.New("it is empty")
	case trimmed[0] == '{' || trimmed[0] == '[':
		return nil, errors.New("this is a body without its request: give it as the body, and its headers beside it")
	case bytes.HasPrefix(trimmed, []byte("curl ")):
		return nil, errors.New("this is a curl command: run it with -v and give what it prints")
	case traceMark(trimmed):
		return nil, errors.New("this is what curl --trace prints: use -v instead")
	}
	return nil, ErrUnknown
}

// Sniff tells the format by the content, or returns "".
func Sniff(raw []byte) Format {
	trimmed := bytes.TrimSpace(raw)
	switch {
	case len(trimmed) == 0:
		return ""
	case trimmed[0] == '{':
		var archive struct {
			Log *struct {
				Entries json.RawMessage `json:"entries"`
			} `json:"log"`
		}
		if json.Unmarshal(trimmed, &archive) == nil && archive.Log != nil && archive.Log.Entries != nil {
			return FormatHAR
		}
		return ""
	case isRequestLine(firstLine(trimmed)):
		return FormatHTTP
	case hasCurlRequest(raw):
		return FormatCurl
	}
	return ""
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return string(bytes.TrimRight(line, "\r"))
}

func traceMark(b []byte) bool {
	return bytes.Contains(b, []byte("=> Send header")) || bytes.Contains(b, []byte("== Info:"))
}
