package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// keptHeaders are the headers that the delivery log keeps (row R12): what says
// which event a delivery is, which a replay needs again. All others may hold a
// secret or personal data. So may the values of these, which are scrubbed.
var keptHeaders = headerSet(
	"Content-Type", "User-Agent", "Idempotency-Key", "Request-Id", "X-Request-Id", "X-Request-Uuid",
	"X-Slack-Request-Timestamp", "X-Slack-Retry-Num", "X-Slack-Retry-Reason",
	"X-Zendesk-Webhook-Id", "X-Zendesk-Webhook-Invocation-Id", "X-Zendesk-Webhook-Signature-Timestamp",
	"X-Github-Event", "X-Github-Delivery", "X-Gitlab-Event", "X-Gitlab-Event-Uuid", "X-Event-Key",
	"X-Atlassian-Webhook-Identifier", "X-Gitea-Event", "X-Gitea-Delivery", "X-Forgejo-Event", "X-Forgejo-Delivery",
	"X-Gogs-Event", "X-Gogs-Delivery", "X-Drone-Event", "X-Groove-Event", "X-Netlify-Event",
	"Webhook-Id", "Webhook-Timestamp", "Webhook-Event", "Svix-Id", "X-Webhook-Id", "Linear-Delivery",
	"Ce-Id", "Ce-Type", "Ce-Source", "Ce-Time", "X-Amz-Sns-Message-Id", "X-Honeycomb-Webhook-Delivery-Id",
	"Sentry-Hook-Resource", "Sentry-Hook-Timestamp", "X-Shopify-Topic", "X-Shopify-Webhook-Id", "X-Rundeck-Notification-Trigger",
)

func headerSet(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[http.CanonicalHeaderKey(name)] = true
	}
	return set
}

const maxHeader = 200

func keepHeaders(h http.Header, scrubber Scrubber) map[string]string {
	var kept map[string]string
	for name, values := range h {
		if !keptHeaders[name] || len(values) == 0 || values[0] == "" {
			continue
		}
		if kept == nil {
			kept = make(map[string]string, 8)
		}
		kept[name] = scrubber.Text(nil, safeText(values[0], maxHeader))
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
