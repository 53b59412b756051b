package providers

import (
	"maps"
	"slices"
	"time"
)

// Presets are the names that a scheme's `use` knows, in order.
func Presets() []string { return slices.Sorted(maps.Keys(presets)) }

// ownTolerance is the tolerance, either way, of vendors whose own SDKs have it.
const ownTolerance = 5 * time.Minute

// bodyHMAC is the most common way: a hex HMAC-SHA256 of the body in a header.
func bodyHMAC(name, header, prefix string) []Scheme {
	return []Scheme{{Name: name, Kind: KindHMAC, Header: header, Prefix: prefix}}
}

// standardWebhooks are the two algorithms of Standard Webhooks under the headers
// of one spelling ("Webhook", or "Svix" as its first implementation writes).
func standardWebhooks(headers string) []Scheme {
	base := Scheme{
		Name: "standard_webhooks", Kind: KindEd25519, Header: headers + "-Signature", Prefix: "v1a,", List: "space",
		Encoding: "base64", Key: "whpk", Content: "{id}.{timestamp}.{body}",
		TimeHeader: headers + "-Timestamp", IDHeader: headers + "-Id", Past: ownTolerance, Future: ownTolerance,
	}
	shared := base
	shared.Kind, shared.Prefix, shared.Key = KindHMAC, "v1,", "whsec"
	return []Scheme{base, shared}
}

// presets are ready-made schemes, several where a vendor has several ways. The
// strongest comes first.
var presets = map[string][]Scheme{
	// token is for vendors that let the user choose headers or a user and
	// password, but cannot sign.
	"token": {
		{Name: "token", Kind: KindToken, Header: TokenHeader},
		{Name: "token", Kind: KindToken, Header: "Authorization", Prefix: "Bearer "},
		{Name: "token", Kind: KindToken, Header: "Authorization", Prefix: "Basic "},
	},
	// token_url is for vendors that can be given a URL and nothing else. URLs end
	// up in logs: use it where there is no other way.
	"token_url": {{Name: "token_url", Kind: KindToken, Query: "token"}},
	"basic":     {{Name: "basic", Kind: KindBasic}},
	"none":      {{Name: "none", Kind: KindNone}},

	"standard_webhooks": append(standardWebhooks("Webhook"), standardWebhooks("Svix")...),

	"sns":            {{Name: "sns", Kind: KindSNS}},
	"http_signature": {{Name: "http_signature", Kind: KindHTTPSignature}},
	"drone":          {{Name: "drone", Kind: KindCavage}},

	"slack": {{
		Name: "slack v0", Kind: KindHMAC, Header: "X-Slack-Signature", Prefix: "v0=", Content: "v0:{timestamp}:{body}",
		TimeHeader: "X-Slack-Request-Timestamp", Past: ownTolerance, Future: ownTolerance,
	}},
	// Zendesk signs the time and the raw body with nothing between them, and
	// documents no tolerance.
	"zendesk": {{
		Name: "zendesk v1", Kind: KindHMAC, Header: "X-Zendesk-Webhook-Signature", Encoding: "base64",
		Content: "{timestamp}{body}", TimeHeader: "X-Zendesk-Webhook-Signature-Timestamp", TimeFormat: "rfc3339_or_seconds",
	}},
	"stripe": {{
		Name: "stripe v1", Kind: KindHMAC, Header: "Stripe-Signature", List: "comma", Prefix: "v1=", TimePrefix: "t=",
		Content: "{timestamp}.{body}", Past: ownTolerance, Future: ownTolerance,
	}},
	"pagerduty": {{Name: "pagerduty v1", Kind: KindHMAC, Header: "X-PagerDuty-Signature", List: "comma", Prefix: "v1="}},
	"circleci":  {{Name: "circleci v1", Kind: KindHMAC, Header: "Circleci-Signature", List: "comma", Prefix: "v1="}},
	"github": {
		{Name: "github", Kind: KindHMAC, Header: "X-Hub-Signature-256", Prefix: "sha256="},
		{Name: "github sha1", Kind: KindHMAC, Header: "X-Hub-Signature", Prefix: "sha1=", Hash: "sha1", Weak: true},
	},
	// hub is WebSub's header with a hash that is not SHA-1, as Atlassian sends it.
	"hub": {
		{Name: "hub sha512", Kind: KindHMAC, Header: "X-Hub-Signature", Prefix: "sha512=", Hash: "sha512"},
		{Name: "hub", Kind: KindHMAC, Header: "X-Hub-Signature", Prefix: "sha256="},
	},
	"gitlab": append(standardWebhooks("Webhook"), Scheme{Name: "gitlab token", Kind: KindToken, Header: "X-Gitlab-Token"}),
	"gitea":  bodyHMAC("gitea", "X-Gitea-Signature", ""),
	"gogs":   bodyHMAC("gogs", "X-Gogs-Signature", ""),
	// Sentry sends a time as well, but does not sign it.
	"sentry": bodyHMAC("sentry", "Sentry-Hook-Signature", ""),
	"linear": bodyHMAC("linear", "Linear-Signature", ""),
	"shopify": {{
		Name: "shopify", Kind: KindHMAC, Header: "X-Shopify-Hmac-Sha256", Encoding: "base64",
	}},
	// Grafana's header names are the administrator's choice; these are the
	// defaults of its form. With a time header it signs the time as well.
	"grafana": {
		{
			Name: "grafana timed", Kind: KindHMAC, Header: "X-Grafana-Alerting-Signature", Content: "{timestamp}:{body}",
			TimeHeader: "X-Grafana-Alerting-Timestamp", When: []string{"X-Grafana-Alerting-Timestamp"},
		},
		{Name: "grafana", Kind: KindHMAC, Header: "X-Grafana-Alerting-Signature"},
	},
	// SendGrid's body ends with CRLF, which is signed.
	"sendgrid": {{
		Name: "sendgrid", Kind: KindECDSA, Header: "X-Twilio-Email-Event-Webhook-Signature", Encoding: "base64",
		Content: "{timestamp}{body}", TimeHeader: "X-Twilio-Email-Event-Webhook-Timestamp",
	}},
	"twilio": {{
		Name: "twilio", Kind: KindHMAC, Hash: "sha1", Weak: true, Header: "X-Twilio-Signature", Encoding: "base64",
		Content: "{url}{form}", BodyParam: "bodySHA256",
	}},
	"discord": {{
		Name: "discord", Kind: KindEd25519, Header: "X-Signature-Ed25519", Key: "hex", Content: "{timestamp}{body}",
		TimeHeader: "X-Signature-Timestamp",
	}},
}
