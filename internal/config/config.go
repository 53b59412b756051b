package config

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Config is a complete, validated configuration.
type Config struct {
	Host           string
	Port           int
	Log            Log
	Slack          Slack
	EventsTopic    string // name of the delivery stream
	Temporal       Temporal
	RedisURL       Secret
	DatabaseURL    Secret
	Keyset         Secret // from the key or from the file it names
	Codec          Codec
	OIDC           OIDC
	TrustedProxies []string
	MaxBody        int64 // bytes
	QuietPeriod    time.Duration
	Start          Start
	Retention      Retention
	Sources        []Source
	// SourceBase is a source with only the figures that hold for all of them, for
	// those that are kept in the database.
	SourceBase Source
	Approvals  Approvals
	Operators  Operators
	// People are those who can approve, and the names that each of them has.
	People   People
	Outbound Outbound
}

// Operators say what those who run nerve are told about senders, and where. Rates
// are percent of a source's deliveries within five minutes.
type Operators struct {
	Channel           string // empty: that of Slack
	InvalidSignatures int
	Replays           int
	HandlerErrors     int
	Samples           int // deliveries from which on a rate counts
}

// Approvals say when a change needs a second person, and how one is asked.
type Approvals struct {
	// SingleOperator lets one person do what needs two.
	SingleOperator bool
	// Anybody lets those approve who are not among the people, too. Nothing of the
	// configuration sets it: nerve dev does.
	Anybody  bool
	Channel  string        // Slack channel to ask in; slack.channel by default
	Deadline time.Duration // how long a request waits
}

// Log says how to log.
type Log struct {
	Level  slog.Level
	Format string // json or text
}

// Slack says how to reach Slack.
type Slack struct {
	BotToken Secret
	AppToken Secret
	APIURL   string // ends in a slash
	Channel  string
}

// Temporal says how to reach Temporal.
type Temporal struct {
	Address   string
	Namespace string
	APIKey    Secret
	TLS       bool
	UIURL     string
}

// Codec guards the endpoint that decodes payloads for Temporal UI.
type Codec struct {
	Token   Secret
	Origins []string
}

// Start bounds the start of workflows on the way of an answer.
type Start struct {
	Deadline time.Duration
	InFlight int
}

// Retention says for how long the record keeps what.
type Retention struct {
	Deliveries time.Duration // since they were received
	Bodies     time.Duration // a delivery's raw bytes, since it was received
	Incidents  time.Duration // since they were closed
}

// Source is one configured integration of a provider. Durations and figures are
// filled in; only those marked "0: the vendor's" are left to the provider.
type Source struct {
	Name            string
	Provider        string         // registry name; of a mapping, its file's name
	Mapping         string         // path of a mapping, instead of a known provider
	MappingText     string         // the mapping itself, of a source in the database
	Secrets         []SourceSecret // newest first
	Schemes         []string       // of the vendor's; empty: all
	AllowWeak       bool
	PublicURL       string
	Channel         string
	Window          time.Duration
	Debounce        time.Duration
	QuietPeriod     time.Duration
	Rate            int // signals a minute
	Burst           int
	HardCap         int // signals a minute
	TolerancePast   time.Duration
	ToleranceFuture time.Duration // 0: the vendor's
	StaleStatus     int           // 0: the vendor's
	MinAssurance    string        // token or signed; none with schemes: [none]
	DeliveryTTL     time.Duration
	Paused          bool
	AllowCIDRs      []netip.Prefix    // who may deliver, beside the proof; empty: everybody
	SeverityFloor   incident.Severity // what is below it is stored, not raised; empty: nothing is
	Handler         string            // contract.Handlers
	Handlers        map[string]string // by event type, over Handler
	Tasks           Tasks             // for the handler task_result
	OnDemand        bool              // its provider is built when its first delivery comes; nerve dev has one of each
}

// SourceSecret is a secret of a source and the time in which it counts; a zero
// time is no bound.
type SourceSecret struct {
	Value               Secret
	ID                  string // of one that the database keeps; empty: providers.SecretID of the value
	NotBefore, NotAfter time.Time
}

// Addr is the address that ingest listens on.
func (c *Config) Addr() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// DefaultSource returns a source with every figure at its default. `nerve dev`
// builds its own sources from it.
func DefaultSource(name, provider string, secrets ...Secret) Source {
	valued := make([]SourceSecret, len(secrets))
	for i, s := range secrets {
		valued[i].Value = s
	}
	return Source{
		Name: name, Provider: provider, Secrets: valued,
		Window: defaultWindow, Debounce: 5 * time.Minute, QuietPeriod: 24 * time.Hour,
		Rate: 100, Burst: 200, HardCap: 2000,
		TolerancePast: 5 * time.Minute, MinAssurance: "token", DeliveryTTL: 24 * time.Hour,
		Handler: contract.HandlerTriage, Tasks: defaultTasks(),
	}
}
