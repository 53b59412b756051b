package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Outbound says what nerve calls by itself: where outputs of tasks are kept,
// where their credits are settled, and who is told of events.
type Outbound struct {
	BlobURL       string // file:///path, s3://bucket or gs://bucket; empty: outputs cannot be kept
	CreditsURL    string // empty: there are no credits
	CreditsSecret Secret // whsec_…
	// Allow are networks that the billing system and subscribers may be in,
	// although they are not public.
	Allow       []netip.Prefix
	Subscribers []Subscriber
	MaxBatches  int // that wait for one subscriber at a time
}

// Subscriber is told of events.
type Subscriber struct {
	Name    string
	URL     string
	Secret  Secret // whsec_…
	Types   []string
	Sources []string
}

// Tasks says how the handler task_result treats a source's tasks.
type Tasks struct {
	Policy contract.TaskPolicy
	// RequireKnown takes only events of tasks that run already.
	RequireKnown bool
}

// defaultTasks keeps what models usually make, from nowhere yet.
func defaultTasks() Tasks {
	return Tasks{Policy: contract.TaskPolicy{
		Types:    []string{"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm", "audio/*"},
		MaxBytes: 64 << 20, Notices: contract.NoticesAll, Patience: 24 * time.Hour,
	}}
}

var outboundKeys = []Key{
	{Path: "blob.url", Env: "NERVE_BLOB_URL", Doc: "where outputs of tasks are kept: file:///path, s3://bucket?region=… or gs://bucket"},
	{Path: "credits.url", Env: "NERVE_CREDITS_URL", Doc: "https address that is told to settle or reverse the credits of a task; without it there are none"},
	{Path: "credits.secret", Env: "NERVE_CREDITS_SECRET", Secret: true, Doc: "signs what credits.url is told, as a Standard Webhook: whsec_ and base64 of 24 to 64 bytes"},
	{Path: "outbound.allow", Env: "NERVE_OUTBOUND_ALLOW", Doc: "comma-separated CIDRs of one's own network that credits.url and subscribers may be in, also by http; public addresses only by default"},
	{Path: "events.max_batches", Env: "NERVE_EVENTS_MAX_BATCHES", Default: "100", Doc: "batches of up to 200 deliveries that wait for one subscriber; beyond that its events are dropped and counted"},
}

var taskKeys = []SourceKey{
	{"output_hosts", "", "handler task_result: hosts that outputs are fetched from: name, *.name, either with :port; none fetches nothing but data: URIs"},
	{"output_types", "images, mp4, webm, audio", "handler task_result: content types that are kept, such as [image/png, video/*]"},
	{"output_max", "64MiB", "handler task_result: largest output, decompressed"},
	{"task_notices", "all", "handler task_result: all, failures or none; what needs a hand is told in any case"},
	{"task_patience", "24h", "handler task_result: fails a task of which nothing more is heard"},
	{"require_known", "false", "handler task_result: true takes events of tasks that nerve tasks expect has registered, and answers processed: false to others"},
}

// SubscriberKeys are the keys of an entry of events.subscribers.
var subscriberKeys = []SourceKey{
	{"name", "", "required; a-z, 0-9 and -, at most 40 characters"},
	{"url", "", "required; https, or http within outbound.allow"},
	{"secret", "", "required; env:NAME, file:/path or the value: whsec_ and base64 of 24 to 64 bytes"},
	{"types", "all", "which of webhook.received, webhook.verified, webhook.processed, webhook.failed"},
	{"sources", "all", "only events of these sources"},
}

// SubscriberKeys returns the table of the keys of one subscriber.
func SubscriberKeys() []SourceKey { return slices.Clone(subscriberKeys) }

func (l *loader) outbound() Outbound {
	o := Outbound{
		BlobURL: l.text("blob.url"), CreditsURL: l.pageURL("credits.url"), CreditsSecret: l.secret("credits.secret"),
		MaxBatches: l.integer("events.max_batches", 1, 10_000),
	}
	for _, text := range l.list("outbound.allow") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			l.mistake(l.name("outbound.allow"), fmt.Sprintf("%q is not a CIDR", text), "Write it like 10.0.0.0/8")
			continue
		}
		o.Allow = append(o.Allow, p.Masked())
	}
	if u, err := url.Parse(o.BlobURL); o.BlobURL != "" && (err != nil || !slices.Contains([]string{"file", "s3", "gs"}, u.Scheme)) {
		l.mistake(l.name("blob.url"), "is not an address of a store", "Write it like file:///var/lib/nerve/outputs, s3://bucket?region=eu-central-1 or gs://bucket")
	}
	if o.CreditsURL != "" {
		l.checkTarget(l.name("credits.url"), o.CreditsURL, o.Allow)
		if o.CreditsSecret == "" {
			l.mistake(l.name("credits.secret"), "is missing, and credits.url needs it", "Set it: what is told there is signed with it")
		}
	}
	o.Subscribers = l.subscribers(o.Allow)
	return o
}

// checkTarget refuses an address that is called without TLS, but for one in a
// network of one's own.
func (l *loader) checkTarget(key, text string, allow []netip.Prefix) {
	u, err := url.Parse(text)
	if err == nil && u.Scheme == "https" && u.Host != "" {
		return
	}
	if err == nil && u.Scheme == "http" {
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return
		}
	}
	l.mistake(key, "is not an https address", "Use https; http is only for an address, written as digits, within outbound.allow")
}

func (l *loader) subscribers(allow []netip.Prefix) []Subscriber {
	raw, ok := l.values.Get("events.subscribers").([]any)
	if !ok && l.set("events.subscribers") {
		l.mistake("events.subscribers", "is not a list", "Write each subscriber as \"- name: …\"")
	}
	var all []Subscriber
	for i, item := range raw {
		m, ok := item.(map[string]any)
		if !ok {
			l.mistake(fmt.Sprintf("events.subscribers[%d]", i), "is not a group of keys", "Write it as \"- name: …\"")
			continue
		}
		e := &entry{loader: l, raw: m, where: fmt.Sprintf("events.subscribers[%d]", i)}
		s := e.subscriber(allow)
		if slices.ContainsFunc(all, func(other Subscriber) bool { return other.Name == s.Name }) {
			l.mistake(e.key("name"), fmt.Sprintf("%q is used twice", s.Name), "Give each subscriber its own name")
		}
		all = append(all, s)
	}
	return all
}

func (e *entry) subscriber(allow []netip.Prefix) Subscriber {
	if name, _ := scalar(e.raw["name"]); name != "" {
		e.where = "events.subscribers[" + name + "]"
	}
	e.refuseAllBut(subscriberKeys)
	s := Subscriber{Name: e.value("name"), URL: e.value("url"), Types: e.texts("types"), Sources: e.texts("sources")}
	s.Secret = e.resolve(e.key("secret"), e.value("secret"))
	if !sourceName.MatchString(s.Name) {
		e.mistake(e.key("name"), fmt.Sprintf("%q is not a name", s.Name), "Use 1 to 40 of a-z, 0-9 and -")
	}
	e.checkTarget(e.key("url"), s.URL, allow)
	for _, t := range s.Types {
		if !slices.Contains(contract.EventTypes(), t) {
			e.mistake(e.key("types"), fmt.Sprintf("there is no event %q", t), "Use "+strings.Join(contract.EventTypes(), ", "))
		}
	}
	return s
}

// tasks reads how a source's tasks are treated.
func (e *entry) tasks(s *Source) {
	p := &s.Tasks.Policy
	for _, h := range e.texts("output_hosts") {
		if !plainHost(h) {
			e.mistake(e.key("output_hosts"), fmt.Sprintf("%q is not a host", h), "Write it like files.example.com, *.example.com or files.example.com:8443, without https://")
		}
		p.Hosts = append(p.Hosts, h)
	}
	if e.raw["output_types"] != nil {
		p.Types = e.texts("output_types")
	}
	for _, t := range p.Types {
		if group, kind, ok := strings.Cut(t, "/"); !ok || group == "" || kind == "" || group == "*" {
			e.mistake(e.key("output_types"), fmt.Sprintf("%q is not a content type", t), "Write it like image/png or image/*")
		}
	}
	if v := e.value("output_max"); v != "" {
		n, ok := parseSize(v)
		if !ok {
			e.mistake(e.key("output_max"), fmt.Sprintf("%q is not a size", v), "Write it like 64MiB")
		}
		p.MaxBytes = min(n, math.MaxInt32)
	}
	if v := e.value("task_notices"); v != "" {
		if p.Notices = v; v != contract.NoticesAll && v != contract.NoticesFailures && v != contract.NoticesNone {
			e.mistake(e.key("task_notices"), fmt.Sprintf("%q is not known", v), "Use all, failures or none")
		}
	}
	e.durationInto(&p.Patience, "task_patience", "24h")
	s.Tasks.RequireKnown = e.asBoolean(e.key("require_known"), e.value("require_known"))
}

// plainHost reports whether a text is a host as output_hosts wants it.
func plainHost(text string) bool {
	host := strings.TrimPrefix(text, "*.")
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	u, err := url.Parse("https://" + host + "/")
	return err == nil && host != "" && strings.Trim(u.Hostname(), "[]") == strings.Trim(host, "[]") && !strings.ContainsAny(host, "*/@ ")
}
