package incident

import (
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what sort of thing a signal reports.
type Kind string

const (
	KindAlert    Kind = "alert"    // a monitor, a bot's alert message
	KindQuestion Kind = "question" // a person asking in Slack
	KindTicket   Kind = "ticket"   // a support ticket
	KindStorm    Kind = "storm"    // what exceeded a source's rate, folded into one
)

// Status is what the sender says of the alert.
type Status string

const (
	StatusFiring       Status = "firing"
	StatusAcknowledged Status = "acknowledged"
	StatusResolved     Status = "resolved"
)

// Limits on what a signal carries. Longer text is cut by Normalise, never refused.
const (
	MaxTitle       = 500  // characters
	MaxDescription = 5000 // characters
	MaxTags        = 64
	MaxLinks       = 20
	MaxEntities    = 32
	maxTagLen      = 256
	maxLinkTitle   = 80
	maxURLLen      = 2048
	coarse         = 8 // times the limit is what is carried until it is scrubbed
)

// Signal is the universal incident signal: what a provider makes of one alert
// in a verified delivery. Providers fill everything but the fields marked
// "ingest".
type Signal struct {
	IncidentID       string    `json:"incident_id"`       // ingest; Slack: slack_<ts with _ for .>
	DeduplicationKey string    `json:"deduplication_key"` // ingest; also the workflow id
	Source           string    `json:"source"`            // ingest; the configured source
	Provider         string    `json:"provider"`          // ingest
	Kind             Kind      `json:"kind"`
	Severity         Severity  `json:"severity"`
	Status           Status    `json:"status"`
	EventType        string    `json:"event_type"`
	Timestamp        time.Time `json:"timestamp"` // UTC
	Title            string    `json:"title"`
	// TitleMax is where Bound cuts the title, when that is before MaxTitle: a
	// provider that takes a title from running text leaves the cut to Bound.
	TitleMax        int               `json:"-"`
	Description     string            `json:"description"`
	Tags            map[string]string `json:"tags,omitempty"`
	RelatedEntities []Entity          `json:"related_entities,omitempty"`
	Links           []Link            `json:"links,omitempty"`
	Slack           *SlackRef         `json:"slack_metadata,omitempty"`
	RawPayload      RawPayload        `json:"raw_payload"` // ingest
	Key             Key               `json:"key"`
	// Group is what makes two different keys the same storm, such as
	// "<channel>:<title>" for alert bots in Slack. Empty: the key alone.
	Group string `json:"group,omitempty"`
	// Fingerprint identifies the content; see ContentFingerprint. ingest.
	Fingerprint string `json:"fingerprint"`
}

// Entity is something the alert is about.
type Entity struct {
	Type string `json:"type"` // service, host, environment, monitor, ticket, …
	Name string `json:"name"`
}

// Link leads from the incident to a page a person would open.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// SlackRef is where in Slack a signal came from.
type SlackRef struct {
	TeamID    string `json:"team_id,omitempty"`
	ChannelID string `json:"channel_id"`
	MessageTS string `json:"message_ts"`          // the message that the reaction goes on
	ThreadTS  string `json:"thread_ts"`           // the thread that the answer goes in
	UserID    string `json:"user_id,omitempty"`   // set for people
	BotID     string `json:"bot_id,omitempty"`    // set for bots
	InThread  bool   `json:"in_thread,omitempty"` // the message is itself a reply
}

// RawPayload describes the delivery's bytes as they were received. Sealed holds
// them compressed and encrypted; it is empty when they are too large to travel
// with the signal, and the delivery log then has them.
type RawPayload struct {
	DeliveryID string `json:"delivery_id"`
	// Part is which signal of the delivery this one is, from 1; 0 when the
	// delivery held no other.
	Part        int    `json:"part,omitempty"`
	ContentType string `json:"content_type"`
	Size        int    `json:"size"`
	SHA256      string `json:"sha256"`
	Sealed      []byte `json:"sealed,omitempty"`
}

// FieldError is one thing that is wrong with one field of a payload.
type FieldError struct {
	Field    string `json:"field"`
	Code     string `json:"code"` // required, invalid, too_long
	Message  string `json:"message"`
	Received string `json:"received,omitempty"`
}

// FieldErrors is every mistake found in one payload.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Field + " " + f.Message
	}
	return "incident: " + strings.Join(parts, "; ")
}

// Normalise moves the time to UTC, drops control characters from the title,
// empty tags and links that are not http(s), and puts a missing severity at
// medium. It bounds texts only coarsely, because a secret that is cut in two is
// not recognised any more: Bound cuts after scrubbing.
func (s *Signal) Normalise() {
	s.Title = Cut(strings.Join(strings.Fields(printable(s.Title)), " "), coarse*MaxTitle)
	s.Description = Cut(strings.TrimSpace(s.Description), coarse*MaxDescription)
	s.Timestamp = s.Timestamp.UTC()
	if s.Severity == "" {
		s.Severity = SeverityMedium
	}
	if s.Status == "" {
		s.Status = StatusFiring
	}
	s.Tags = boundTags(s.Tags, coarse*maxTagLen)
	s.Links = boundLinks(s.Links, coarse*maxLinkTitle)
	if len(s.RelatedEntities) > MaxEntities {
		s.RelatedEntities = s.RelatedEntities[:MaxEntities]
	}
}

// Bound cuts what is too long. Scrub first.
func (s *Signal) Bound() {
	most := MaxTitle
	if s.TitleMax > 0 {
		most = min(most, s.TitleMax)
	}
	s.Title = Cut(s.Title, most)
	s.Description = Cut(s.Description, MaxDescription)
	s.Tags = boundTags(s.Tags, maxTagLen)
	for i := range s.Links {
		s.Links[i].Title = Cut(s.Links[i].Title, maxLinkTitle)
	}
}

// printable drops what moves a cursor, turns the direction of text or takes no
// room: such characters make a title say something else than it shows. The
// joiner that emoji are made with stays.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r != '\u200d' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)):
			return -1
		}
		return r
	}, text)
}

// Validate reports every field that an incident cannot do without, as
// FieldErrors, or nil.
func (s *Signal) Validate() error {
	var errs FieldErrors
	if s.Title == "" {
		errs = append(errs, FieldError{Field: "title", Code: "required", Message: "is missing: 1 to 500 characters are needed"})
	}
	if !s.Severity.Valid() {
		errs = append(errs, FieldError{
			Field: "severity", Code: "invalid", Received: Cut(string(s.Severity), 40),
			Message: "must be critical, high, medium, low or info",
		})
	}
	if s.Timestamp.IsZero() {
		errs = append(errs, FieldError{Field: "timestamp", Code: "required", Message: "is missing: ISO 8601 or Unix time is needed"})
	}
	if s.Key.Value == "" || s.Key.Kind == "" {
		errs = append(errs, FieldError{Field: "deduplication_key", Code: "required", Message: "nothing in the payload identifies the alert"})
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// ContentFingerprint names the content of a signal in 16 hex digits: title,
// severity, source, sorted tags and description, but no times, so that the same
// alert delivered twice has the same fingerprint.
func (s *Signal) ContentFingerprint() string {
	tags := make([]string, 0, len(s.Tags))
	for k, v := range s.Tags {
		tags = append(tags, k+"="+v)
	}
	sort.Strings(tags)
	return digest(s.Source, strings.TrimSpace(s.Title), string(s.Severity), string(s.Status),
		strings.Join(tags, "\n"), digest(s.Description)[:16])[:16]
}

// Entity returns the name of the first related entity of a type, or "".
func (s *Signal) Entity(kind string) string {
	for _, e := range s.RelatedEntities {
		if e.Type == kind {
			return e.Name
		}
	}
	return ""
}

// Cut shortens text to at most n characters, ending in "…" where it cut. Bytes
// that are not UTF-8 are replaced first, because JSON and Slack refuse them.
func Cut(text string, n int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	if n <= 0 {
		return ""
	}
	return string([]rune(text)[:n-1]) + "…"
}

func boundTags(tags map[string]string, most int) map[string]string {
	keys := make([]string, 0, len(tags))
	for k := range tags {
		if strings.TrimSpace(k) != "" {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	sort.Strings(keys)
	if len(keys) > MaxTags {
		keys = keys[:MaxTags]
	}
	bounded := make(map[string]string, len(keys))
	for _, k := range keys {
		bounded[Cut(strings.TrimSpace(k), most)] = Cut(strings.TrimSpace(tags[k]), most)
	}
	return bounded
}

func boundLinks(links []Link, most int) []Link {
	seen := map[string]bool{}
	var kept []Link
	for _, l := range links {
		l.URL = strings.TrimSpace(l.URL)
		if !strings.HasPrefix(l.URL, "https://") && !strings.HasPrefix(l.URL, "http://") {
			continue
		}
		if len(l.URL) > maxURLLen || seen[l.URL] || len(kept) == MaxLinks {
			continue
		}
		seen[l.URL] = true
		if l.Title = Cut(strings.TrimSpace(l.Title), most); l.Title == "" {
			l.Title = "Link"
		}
		kept = append(kept, l)
	}
	return kept
}

// String names the signal in a log line, without its content.
func (s *Signal) String() string { return fmt.Sprintf("%s %s", s.Status, s.DeduplicationKey) }
