package privacy

import (
	"encoding/base64"
	"strings"
)

// format is the shape of a well-known secret: a prefix and a run of characters
// of one class, between min and max bytes long (max 0: any length).
type format struct {
	prefix   string
	class    class
	min, max int
	keep     bool // the prefix is not secret: "Bearer ", a URL
	ok       func(body string) bool
}

// formats are the secrets that are known by their shape. Minimums are below the
// real lengths, because an alert may show a token cut short. Where no other
// source is named, prefix and alphabet are those of the gitleaks rules
// (github.com/gitleaks/gitleaks, config/gitleaks.toml, v8.30.1).
var formats = []format{
	{prefix: "AKIA", class: digits | uppers, min: 16, max: 16},
	{prefix: "ASIA", class: digits | uppers, min: 16, max: 16},
	{prefix: "ABIA", class: digits | uppers, min: 16, max: 16},
	{prefix: "ACCA", class: digits | uppers, min: 16, max: 16},
	{prefix: "ABSK", class: alnum | base64s, min: 100}, // Amazon Bedrock

	// docs.slack.dev/authentication/tokens
	{prefix: "xoxa-", class: tokenish, min: 8},
	{prefix: "xoxb-", class: tokenish, min: 8},
	{prefix: "xoxc-", class: tokenish, min: 8},
	{prefix: "xoxd-", class: tokenish | base64s | dotted, min: 8},
	{prefix: "xoxe-", class: tokenish, min: 8},
	{prefix: "xoxe.", class: tokenish, min: 8},
	{prefix: "xoxo-", class: tokenish, min: 8},
	{prefix: "xoxp-", class: tokenish, min: 8},
	{prefix: "xoxr-", class: tokenish, min: 8},
	{prefix: "xoxs-", class: tokenish, min: 8},
	{prefix: "xapp-", class: tokenish, min: 8},
	{prefix: "xwfp-", class: tokenish, min: 8},

	// docs.github.com, "About authentication to GitHub", token formats
	{prefix: "ghp_", class: alnum, min: 16},
	{prefix: "gho_", class: alnum, min: 16},
	{prefix: "ghu_", class: alnum, min: 16},
	{prefix: "ghs_", class: tokenish | dotted, min: 16},
	{prefix: "ghr_", class: alnum, min: 16},
	{prefix: "github_pat_", class: tokenish, min: 16},

	// docs.gitlab.com/security/tokens, token prefixes
	{prefix: "glpat-", class: tokenish | dotted, min: 16},
	{prefix: "gldt-", class: tokenish, min: 16},
	{prefix: "glrt-", class: tokenish | dotted, min: 16},
	{prefix: "glrtr-", class: tokenish, min: 16},
	{prefix: "glptt-", class: tokenish, min: 16},
	{prefix: "glcbt-", class: tokenish, min: 16},
	{prefix: "glagent-", class: tokenish, min: 16},
	{prefix: "glsoat-", class: tokenish, min: 16},
	{prefix: "glimt-", class: tokenish, min: 16},
	{prefix: "glft-", class: tokenish, min: 16},
	{prefix: "gloas-", class: tokenish, min: 16},
	{prefix: "GR1348941", class: tokenish, min: 16},

	// docs.stripe.com/keys; whsec_ is Standard Webhooks' prefix as well
	{prefix: "sk_live_", class: tokenish, min: 8},
	{prefix: "sk_test_", class: tokenish, min: 8},
	{prefix: "rk_live_", class: tokenish, min: 8},
	{prefix: "rk_test_", class: tokenish, min: 8},
	{prefix: "whsec_", class: tokenish | base64s, min: 16},

	{prefix: "AIza", class: tokenish, min: 30},
	{prefix: "GOCSPX-", class: tokenish, min: 20}, // Google OAuth client secret
	{prefix: "ya29.", class: tokenish, min: 20},   // Google OAuth access token

	{prefix: "sk-ant-", class: tokenish, min: 16},
	{prefix: "sk-proj-", class: tokenish, min: 16},
	{prefix: "sk-svcacct-", class: tokenish, min: 16},
	{prefix: "sk-admin-", class: tokenish, min: 16},
	{prefix: "sk-", class: tokenish, min: 20, ok: lettersAndDigits},

	// docs.datadoghq.com, "API and application keys"
	{prefix: "ddapp_", class: alnum, min: 30},
	{prefix: "pdus+", class: tokenish | base64s, min: 16},                     // PagerDuty OAuth
	{prefix: "u+", class: tokenish | base64s, min: 18, max: 18, ok: hasDigit}, // PagerDuty REST
	{prefix: "glsa_", class: tokenish, min: 30},                               // Grafana
	{prefix: "glc_", class: alnum | base64s, min: 30},                         // Grafana Cloud
	{prefix: "sntrys_", class: tokenish | base64s, min: 20},                   // Sentry
	{prefix: "sntryu_", class: alnum, min: 30},
	{prefix: "NRAK-", class: alnum, min: 20}, // New Relic
	{prefix: "NRJS-", class: alnum, min: 16},
	{prefix: "dt0c01.", class: alnum | dotted, min: 24}, // Dynatrace
	{prefix: "dt0s01.", class: alnum | dotted, min: 24},

	{prefix: "hvs.", class: tokenish, min: 20}, // HashiCorp Vault
	{prefix: "hvb.", class: tokenish, min: 20},
	{prefix: "npm_", class: alnum, min: 30},
	{prefix: "pypi-", class: tokenish, min: 40},
	{prefix: "rubygems_", class: alnum, min: 30},
	{prefix: "dckr_pat_", class: tokenish, min: 20}, // docs.docker.com/security
	{prefix: "hf_", class: alnum, min: 30},
	{prefix: "dop_v1_", class: alnum, min: 30},
	{prefix: "doo_v1_", class: alnum, min: 30},
	{prefix: "dor_v1_", class: alnum, min: 30},
	{prefix: "shpat_", class: alnum, min: 30},
	{prefix: "shpca_", class: alnum, min: 30},
	{prefix: "shppa_", class: alnum, min: 30},
	{prefix: "shpss_", class: alnum, min: 30},
	{prefix: "lin_api_", class: alnum, min: 30},
	{prefix: "SG.", class: tokenish | dotted, min: 50},             // SendGrid
	{prefix: "xkeysib-", class: tokenish, min: 40},                 // Brevo
	{prefix: "key-", class: alnum, min: 32, max: 32},               // Mailgun
	{prefix: "SK", class: alnum, min: 32, max: 32, ok: hasDigit},   // Twilio
	{prefix: "dapi", class: alnum, min: 32, max: 32, ok: hasDigit}, // Databricks
	{prefix: "PMAK-", class: tokenish, min: 30},                    // Postman
	{prefix: "pul-", class: alnum, min: 40, max: 40},               // Pulumi
	{prefix: "pscale_", class: tokenish | dotted, min: 32},
	{prefix: "sgp_", class: tokenish, min: 40},             // Sourcegraph
	{prefix: "ATATT3", class: tokenish | base64s, min: 40}, // Atlassian
	{prefix: "AGE-SECRET-KEY-1", class: alnum, min: 40},

	// RFC 7519: two of the three parts are JSON objects, so they start with "eyJ"
	{prefix: "eyJ", class: tokenish | base64s | dotted, min: 20, ok: isJWT},

	// RFC 6750 and RFC 7617
	{prefix: "Bearer ", class: token68, min: 8, keep: true, ok: notProse},
	{prefix: "bearer ", class: token68, min: 8, keep: true, ok: notProse},
	{prefix: "BEARER ", class: token68, min: 8, keep: true, ok: notProse},
	{prefix: "Bearer%20", class: token68, min: 8, keep: true, ok: notProse},
	{prefix: "Basic ", class: alnum | base64s, min: 4, keep: true, ok: isUserPassword},
	{prefix: "BASIC ", class: alnum | base64s, min: 4, keep: true, ok: isUserPassword},
	{prefix: "Basic%20", class: alnum | base64s, min: 4, keep: true, ok: isUserPassword},
	{prefix: "basic ", class: alnum | base64s, min: 4, keep: true, ok: isUserPassword},

	// URLs that are credentials by themselves
	{prefix: "hooks.slack.com/services/", class: alnum | base64s, min: 16, keep: true},
	{prefix: "hooks.slack.com/workflows/", class: alnum | base64s, min: 16, keep: true},
	{prefix: "hooks.slack.com/triggers/", class: alnum | base64s, min: 16, keep: true},
	{prefix: "discord.com/api/webhooks/", class: tokenish | base64s, min: 16, keep: true},
	{prefix: "discordapp.com/api/webhooks/", class: tokenish | base64s, min: 16, keep: true},
	{prefix: "webhook.office.com/webhookb2/", class: tokenish | base64s | mailish, min: 16, keep: true},
	{prefix: "api.telegram.org/bot", class: tokenish | colons, min: 16, keep: true},
	{prefix: "events.pagerduty.com/integration/", class: alnum, min: 16, keep: true},
}

// maxBody bounds what tells whether a prefix begins a secret. All of the run is
// the secret then.
const maxBody = 4 << 10

// format finds a well-known secret that starts at i.
func (s *Scrubber) format(sc *scan, i int) (finding, bool) {
	candidates := s.formats[sc.text[i]]
	if len(candidates) == 0 || !startsWord(sc.text, sc.floor, i) {
		return finding{}, false
	}
	for _, f := range candidates {
		if !strings.HasPrefix(sc.text[i:], f.prefix) {
			continue
		}
		start := i + len(f.prefix)
		end := run(sc.text[:min(len(sc.text), start+maxBody)], start, f.class)
		body := strings.TrimRight(sc.text[start:end], ".~")
		if len(body) < f.min || f.max > 0 && len(body) > f.max || f.ok != nil && !f.ok(body) {
			continue
		}
		body = strings.TrimRight(sc.text[start:run(sc.text, end, f.class)], ".~")
		if !f.keep {
			start = i
		}
		end = i + len(f.prefix) + len(body)
		return finding{start, end, kindSecret, sc.text[start:end]}, true
	}
	return finding{}, false
}

// lettersAndDigits tells a random string from a hyphenated name.
func lettersAndDigits(body string) bool { return has(body, letters) && has(body, digits) }

func hasDigit(body string) bool { return has(body, digits) }

// isJWT reports whether a body that followed "eyJ" has the dots of a token.
// One is enough: the signature may have been cut off.
func isJWT(body string) bool { return strings.Contains(body, ".") }

// notProse tells "Bearer dGhpcw8…" from "bearer authentication".
func notProse(body string) bool { return len(body) >= 20 || hasDigit(body) }

// isUserPassword reports whether a body is base64 of "user:password".
func isUserPassword(body string) bool {
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(body, "="))
	return err == nil && strings.ContainsRune(string(plain), ':')
}
