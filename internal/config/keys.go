package config

import "slices"

// Program says for whom the configuration is loaded: each needs other keys.
type Program string

// The programs. Dev brings its own Temporal, Redis, SQL and keys, so it needs none.
const (
	Ingest Program = "ingest"
	Worker Program = "worker"
	Dev    Program = "dev"
	// Operator is the command line, which works on nerve dev without any key.
	Operator Program = "operator"
)

// Key describes one configuration key. The table of them drives loading, help
// texts and the README's configuration table.
type Key struct {
	Path    string    // in the file; "" when the key makes sense in the environment only
	Env     string    // environment variable
	Alias   string    // a second name of the variable
	Default string    // as an operator would write it
	Secret  bool      // never printed
	Needs   []Program // programs that do not start without it
	Doc     string    // what it does, with its unit
}

// Required reports whether a program does not start without the key.
func (k Key) Required(p Program) bool { return slices.Contains(k.Needs, p) }

// label names the key in a mistake when nobody has set it yet.
func (k Key) label() string {
	if k.Path == "" {
		return k.Env
	}
	return k.Env + " (" + k.Path + ")"
}

var both = []Program{Ingest, Worker}

var keys = append(mainKeys, outboundKeys...)

var mainKeys = []Key{
	{Env: "NERVE_CONFIG", Doc: "path of the YAML file; the same as --config"},
	{Path: "host", Env: "HOST", Default: "0.0.0.0", Doc: "address to listen on: webhooks for ingest; the API, health and codec for the worker"},
	{Path: "port", Env: "PORT", Default: "8080", Doc: "port to listen on; 0 picks a free one"},
	{Path: "log.level", Env: "LOG_LEVEL", Default: "info", Doc: "debug, info, warn or error"},
	{Path: "log.format", Env: "LOG_FORMAT", Default: "json", Doc: "json or text"},
	{Path: "slack.signing_secret", Env: "SLACK_SIGNING_SECRET", Secret: true, Doc: "makes the source \"slack\": the app's signing secret"},
	{Path: "slack.bot_token", Env: "SLACK_BOT_TOKEN", Secret: true, Needs: []Program{Worker}, Doc: "bot token (xoxb-…) for reactions and answers; without it ingest does not react"},
	{Path: "slack.app_token", Env: "SLACK_APP_TOKEN", Secret: true, Doc: "app token (xapp-…): nerve dev receives by Socket Mode"},
	{Path: "slack.api_url", Env: "SLACK_API_URL", Default: "https://slack.com/api/", Doc: "base URL of Slack's Web API; a stand-in for tests"},
	{Path: "slack.channel", Env: "SLACK_CHANNEL", Doc: "channel for sources other than Slack, unless the source names its own"},
	{Path: "slack.events_topic", Env: "SLACK_EVENTS_TOPIC", Default: "deliveries", Doc: "name of the Redis stream that carries the delivery log"},
	{Path: "queue.backend", Env: "QUEUE_BACKEND_TYPE", Default: "temporal", Doc: "only temporal: Temporal is the queue"},
	{Path: "timestamp_tolerance", Env: "TIMESTAMP_TOLERANCE", Alias: "WEBHOOK_SIGNATURE_MAX_AGE_SECONDS", Default: "300", Doc: "seconds that a signed time may lie in the past"},
	{Path: "datadog.webhook_token", Env: "DATADOG_WEBHOOK_TOKEN", Secret: true, Doc: "makes the source \"datadog\": the token that the webhook sends as a header"},
	{Path: "zendesk.signing_secret", Env: "ZENDESK_SIGNING_SECRET", Secret: true, Doc: "makes the source \"zendesk\": the webhook's signing secret"},
	{Path: "temporal.address", Env: "TEMPORAL_ADDRESS", Needs: both, Doc: "host:port of Temporal's frontend"},
	{Path: "temporal.namespace", Env: "TEMPORAL_NAMESPACE", Default: "default", Doc: "Temporal namespace"},
	{Path: "temporal.api_key", Env: "TEMPORAL_API_KEY", Secret: true, Doc: "API key for Temporal Cloud; needs temporal.tls"},
	{Path: "temporal.tls", Env: "TEMPORAL_TLS", Default: "false", Doc: "true speaks TLS to Temporal"},
	{Path: "temporal.ui_url", Env: "TEMPORAL_UI_URL", Doc: "base URL of Temporal UI, for links in answers"},
	{Path: "redis.url", Env: "REDIS_URL", Secret: true, Needs: both, Doc: "redis:// or rediss:// address of Redis or Valkey"},
	{Path: "database.url", Env: "DATABASE_URL", Secret: true, Needs: []Program{Worker}, Doc: "postgres:// address, or sqlite:/path for a single node; ingest without it knows the file's sources only"},
	{Path: "keyset", Env: "NERVE_KEYSET", Secret: true, Needs: both, Doc: "encryption keys as a Tink keyset in JSON; or use NERVE_KEYSET_FILE"},
	{Path: "keyset_file", Env: "NERVE_KEYSET_FILE", Doc: "file that holds the keyset"},
	{Path: "codec.token", Env: "NERVE_CODEC_TOKEN", Secret: true, Doc: "token that Temporal UI must show to have payloads decoded; without it the endpoint is off"},
	{Path: "codec.origins", Env: "NERVE_CODEC_ORIGINS", Doc: "comma-separated origins of Temporal UI that may call the codec endpoint"},
	{Path: "oidc.issuer", Env: "NERVE_OIDC_ISSUER", Doc: "OpenID Connect issuer whose logins the API takes (docs/api.md); without it only API tokens"},
	{Path: "oidc.client_id", Env: "NERVE_OIDC_CLIENT_ID", Doc: "client id (audience) that a login must be for"},
	{Path: "oidc.groups_claim", Env: "NERVE_OIDC_GROUPS_CLAIM", Default: "groups", Doc: "claim that lists a person's groups"},
	{Path: "oidc.read", Env: "NERVE_OIDC_READ", Doc: "comma-separated addresses, domains (@example.com) and groups (group:NAME) that may read"},
	{Path: "oidc.respond", Env: "NERVE_OIDC_RESPOND", Doc: "the same for those who may also respond to incidents"},
	{Path: "oidc.admin", Env: "NERVE_OIDC_ADMIN", Doc: "the same for those who may also change sources and tokens"},
	{Path: "trusted_proxies", Env: "NERVE_TRUSTED_PROXIES", Doc: "comma-separated addresses or CIDRs whose X-Forwarded-For is believed; none by default"},
	{Path: "max_body", Env: "NERVE_MAX_BODY", Default: "1MiB", Doc: "largest body taken, in bytes, KiB or MiB; more is answered 413"},
	{Path: "quiet_period", Env: "NERVE_QUIET_PERIOD", Default: "24h", Doc: "closes an incident that nothing more was heard of"},
	{Path: "approvals.single_operator", Env: "NERVE_SINGLE_OPERATOR", Default: "false", Doc: "true lets one person do what needs a second one's approval; every use is in the audit log"},
	{Path: "approvals.channel", Env: "NERVE_APPROVALS_CHANNEL", Doc: "Slack channel in which a second person is asked; slack.channel by default"},
	{Path: "approvals.deadline", Env: "NERVE_APPROVALS_DEADLINE", Default: "24h", Doc: "how long a request for a second person waits, from 1m to 144h"},
	{Path: "operators.channel", Env: "NERVE_OPERATORS_CHANNEL", Doc: "Slack channel that is told what is wrong with senders (docs/senders.md); slack.channel by default"},
	{Path: "operators.invalid_signatures", Env: "NERVE_INVALID_SIGNATURE_RATE", Default: "5", Doc: "percent of a source's deliveries in 5 minutes, refused for their signature, above which operators are told"},
	{Path: "operators.replays", Env: "NERVE_REPLAY_RATE", Default: "10", Doc: "the same for deliveries that were signed too long ago"},
	{Path: "operators.handler_errors", Env: "NERVE_HANDLER_ERROR_RATE", Default: "3", Doc: "the same for deliveries that were proved and could not be processed"},
	{Path: "operators.samples", Env: "NERVE_RATE_SAMPLES", Default: "20", Doc: "deliveries in 5 minutes from which on these rates count"},
	{Path: "start.deadline", Env: "NERVE_START_DEADLINE", Default: "30ms", Doc: "longest wait for Temporal before a command goes to the spool"},
	{Path: "start.in_flight", Env: "NERVE_START_IN_FLIGHT", Default: "8", Doc: "starts that one ingest has in flight at Temporal"},
	{Path: "retention.deliveries", Env: "NERVE_RETENTION_DELIVERIES", Default: "90d", Doc: "how long the worker keeps entries of the delivery log, since they came"},
	{Path: "retention.bodies", Env: "NERVE_RETENTION_BODIES", Default: "30d", Doc: "how long it keeps their encrypted raw bytes"},
	{Path: "retention.incidents", Env: "NERVE_RETENTION_INCIDENTS", Default: "400d", Doc: "how long it keeps incidents, since they were closed; open ones stay"},
}

// SourceKey describes one key of an entry of the file's list of sources.
type SourceKey struct {
	Name    string
	Default string
	Doc     string
}

var sourceKeys = append(mainSourceKeys, taskKeys...)

var mainSourceKeys = []SourceKey{
	{"name", "", "required; the URL segment: a-z, 0-9 and -, at most 40 characters"},
	{"provider", "", "required, unless mapping is given; the vendor's registry name"},
	{"mapping", "", "file that describes a vendor of your own (docs/mappings.md), instead of provider"},
	{"secrets", "", "required; newest first, each env:NAME, file:/path or the value itself, at least 32 characters; or a group of value, not_before and not_after"},
	{"schemes", "all", "which of the vendor's ways of proof are taken; [none] takes everybody and needs i_understand"},
	{"allow_weak", "false", "true takes schemes with SHA-1, where a vendor offers nothing else"},
	{"i_understand", "false", "true confirms that schemes: [none] lets anybody raise incidents"},
	{"public_url", "", "the URL that the vendor was given, for vendors that sign it (Twilio) behind a proxy"},
	{"channel", "slack.channel", "Slack channel for the source's incidents"},
	{"severity_floor", "", "critical, high, medium, low or info: what is less severe is stored, and raises nothing"},
	{"handler", "triage", "what becomes of its events: triage raises incidents, store only keeps them, task_result follows the tasks of a model (docs/task-results.md)"},
	{"handlers", "", "the same by event type, as a group: {\"incident.annotated\": store}"},
	{"allow_cidrs", "", "addresses and CIDRs that may deliver, in addition to the proof; see the warning in docs/registry.md"},
	{"window", "15m, or the vendor's", "content fingerprint window, for deliveries without an id"},
	{"debounce", "5m", "storm window: repeats of one alert fold into one incident"},
	{"quiet_period", "quiet_period", "closes an incident that nothing more was heard of"},
	{"rate", "100", "signals a minute before more are folded into the source's storm incident"},
	{"burst", "200", "signals at once before the rate counts"},
	{"hard_cap", "20 x rate", "signals a minute beyond which 429 is answered"},
	{"tolerance_past", "timestamp_tolerance", "how old a signed time may be"},
	{"tolerance_future", "the vendor's", "how far ahead a signed time may be"},
	{"stale_status", "the vendor's", "answer to a right but stale signature: 400 or 401"},
	{"min_assurance", "token", "signed refuses deliveries that only a token proves"},
	{"delivery_ttl", "24h", "how long a delivery id is remembered; at most 168h"},
	{"paused", "false", "true refuses every delivery with 503, so that senders retry"},
}

// Keys returns the table of every configuration key.
func Keys() []Key { return slices.Clone(keys) }

// SourceKeys returns the table of the keys of one source.
func SourceKeys() []SourceKey { return slices.Clone(sourceKeys) }

func keyOf(path string) Key {
	for _, k := range keys {
		if k.Path == path {
			return k
		}
	}
	return Key{Path: path}
}
