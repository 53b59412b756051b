package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// keptHeaders are the headers that the delivery log keeps (row R12). All others
// may hold a secret or personal data.
var keptHeaders = []string{
	"Content-Type", "User-Agent",
	"X-Slack-Request-Timestamp", "X-Slack-Retry-Num", "X-Slack-Retry-Reason",
	"X-Zendesk-Webhook-Id", "X-Zendesk-Webhook-Invocation-Id", "X-Zendesk-Webhook-Signature-Timestamp",
	"X-Github-Event", "X-Github-Delivery",
	"Webhook-Id", "Webhook-Timestamp",
}

const maxHeader = 200

func keepHeaders(h http.Header) map[string]string {
	var kept map[string]string
	for _, name := range keptHeaders {
		v := h.Get(name)
		if v == "" {
			continue
		}
		if kept == nil {
			kept = make(map[string]string, len(keptHeaders))
		}
		kept[name] = safeText(v, maxHeader)
	}
	return kept
}

// safeText cuts text and drops what is not printable ASCII or looks like an address.
func safeText(v string, limit int) string {
	v = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, v[:min(len(v), limit)])
	if strings.Contains(v, "@") {
		return "[dropped]"
	}
	return v
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,128}$`)

// safeID keeps an identifier that looks like one, and hashes anything else.
func safeID(v string) string {
	if v == "" || plainID.MatchString(v) {
		return v
	}
	return "hash_" + digest(v)[:16]
}

var plainRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// digest hashes parts with an unambiguous separator and returns 32 hex digits.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte{byte(len(p) >> 24), byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p))}) //nolint:gosec // the length is mixed in, not stored
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}
