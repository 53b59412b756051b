package explain

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/providers"
)

// at writes a time as people compare it with other logs.
func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// clock is a time of the same day as another one.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// arrival tells what came when, from where and for whom.
func arrival(d *contract.Delivery) string {
	var b strings.Builder
	fmt.Fprintf(&b, "It came %s", at(d.ReceivedAt))
	if d.RemoteIP != "" {
		fmt.Fprintf(&b, " from %s", d.RemoteIP)
	}
	switch {
	case d.Provider != "":
		fmt.Fprintf(&b, " for the source %s (%s)", d.Source, d.Provider)
	case d.Source == "-":
		b.WriteString(" and named no source")
	case strings.HasPrefix(d.Source, "hash_"):
		b.WriteString(" for a name that cannot be a source's, so it was not kept")
	default:
		fmt.Fprintf(&b, " for %q, which was no source then", d.Source)
	}
	if d.Size > 0 {
		fmt.Fprintf(&b, ": %s", bytes(d.Size))
		if d.ContentType != "" {
			fmt.Fprintf(&b, " of %s", d.ContentType)
		}
	}
	if d.SHA256 != "" && len(d.SHA256) >= 12 {
		fmt.Fprintf(&b, " (SHA-256 %s…)", d.SHA256[:12])
	}
	b.WriteString(".")
	if d.Part > 0 {
		fmt.Fprintf(&b, " This is signal %d of %d of the delivery %s.", d.Part, d.Signals, whole(d))
	}
	return b.String()
}

func bytes(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return strconv.Itoa(n) + " bytes"
}

func replay(d *contract.Delivery) string {
	if d.Trace == nil || d.Trace.ReplayOf == "" {
		return ""
	}
	text := "It is a replay of the delivery " + d.Trace.ReplayOf + ", whose proof was checked when that one came."
	if d.Trace.Again {
		text += " It was told to make an incident of its own, so its key has a suffix and no window folds it;" +
			" the sender's resolve has the key without the suffix, and does not close it."
	}
	return text
}

// proof tells how the sender proved itself.
func proof(d *contract.Delivery) string {
	secret := "."
	if d.SecretID != "" {
		secret = ", with the secret " + d.SecretID + "."
	}
	switch providers.Assurance(d.Assurance) {
	case providers.AssuranceSigned:
		return fmt.Sprintf("Its signature was right (scheme %s)%s", d.Scheme, secret)
	case providers.AssuranceToken:
		return fmt.Sprintf("It carried the right token (scheme %s)%s", d.Scheme, secret)
	case providers.AssuranceNone:
		return "Nothing proves where it came from: the source takes deliveries without a proof."
	default:
		switch d.Outcome {
		case "":
			return ""
		case contract.OutcomeAccepted: // proved, or it would not have been taken
			return "Only its incident has recorded it, because Redis was away or ingest was killed: how it was proved, and why it was taken so, is not in the log."
		}
		return "Nothing proved where it came from, so only this was kept of it, and none of its content."
	}
}

// content tells what was read.
func content(d *contract.Delivery) string {
	if d.Signals == 0 && d.EventID == "" && d.EventType == "" {
		return ""
	}
	var parts []string
	if d.EventType != "" {
		parts = append(parts, "an event of the type "+d.EventType)
	} else {
		parts = append(parts, "an event without a type")
	}
	if d.EventID != "" {
		parts = append(parts, "with the vendor's id "+d.EventID)
	}
	switch d.Signals {
	case 0:
		if d.Outcome != "" {
			parts = append(parts, "and holds nothing that is an alert")
		}
	case 1:
	default:
		if d.Part == 0 {
			parts = append(parts, fmt.Sprintf("and holds %d signals", d.Signals))
		}
	}
	return "It is " + strings.Join(parts, " ") + "."
}

// key tells what the signal is known by.
func key(d *contract.Delivery) string {
	if d.Trace == nil || d.Trace.KeyKind == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("Its key ")
	if d.Trace.Key != "" {
		b.WriteString("(" + d.Trace.Key + ") ")
	}
	switch d.Trace.KeyKind {
	case incident.KeyEvent:
		b.WriteString("stands for an event, which starts an incident once and never again")
	case incident.KeyAlert:
		b.WriteString("stands for an alert, which may fire again after its incident has closed")
	default:
		fmt.Fprintf(&b, "is of the kind %s", d.Trace.KeyKind)
	}
	b.WriteString(".")
	if text := identities[d.Trace.Identity]; text != "" && (d.Trace.Identity != "" || d.Trace.KeyKind == incident.KeyAlert) {
		b.WriteString(" " + text)
	}
	return b.String()
}

// identities say what makes another delivery the same one.
var identities = map[string]string{
	"":                     "Nothing in it tells a retry from a new occurrence.",
	contract.IdentityEvent: "A retry is known by the vendor's id.",
	contract.IdentityBytes: "Its signature covers no time, so the same bytes are taken only once, whatever id they carry.",
}

// layers say what a window goes by.
var layers = map[string]string{
	contract.WindowGroup:   "what the provider says belongs together",
	contract.WindowKey:     "its key",
	contract.WindowContent: "its content, because nothing else identifies it",
	contract.WindowStorm:   "its source, as long as the storm lasts",
}

// window tells which window it met.
func window(d *contract.Delivery) string {
	t := d.Trace
	if t == nil || t.Window == "" {
		return ""
	}
	switch d.Outcome {
	case contract.OutcomeResolved, contract.OutcomeDuplicate, contract.OutcomeIgnored:
		return "" // no window was asked
	}
	layer := layers[t.Window]
	if layer == "" {
		layer = t.Window
	}
	text := "Repeats are folded by " + layer
	switch {
	case t.WindowEnd.IsZero():
		return text + "."
	case t.WindowStart.IsZero():
		text += ": that window was open until " + clock(t.WindowEnd)
	default:
		text += ": that window was open from " + clock(t.WindowStart) + " to " + clock(t.WindowEnd)
	}
	if d.Count > 1 {
		text += fmt.Sprintf(", and this was number %d in it", d.Count)
	}
	return text + "."
}

// ruleTexts say what a rule is.
var ruleTexts = map[string]string{
	contract.RuleNew:      "Nothing was open for it, so its incident was started.",
	contract.RuleReopened: "A window was still open for it, but the incident of that window had closed, so a new one was started.",
	contract.RuleWindow:   "Its window was open, so it was counted there.",
	contract.RuleRunning:  "No window was open for it any more, but its incident still ran, so it was counted there.",
	contract.RuleWorse: "It was worse than what its incident was known to have heard of, so it was not only counted: " +
		"the incident was told at once, and takes over a severity above its own.",
	contract.RuleTaskStarted: "It is the first that was heard of its task, whose workflow it started.",
	contract.RuleTaskTold:    "The workflow of its task runs, and was told.",
	contract.RuleTaken:       "Temporal knew that its incident was started before, and an event starts only once.",
}

func rule(d *contract.Delivery) string {
	if d.Trace == nil || d.Trace.Rule == "" {
		return ""
	}
	if text := ruleTexts[d.Trace.Rule]; text != "" {
		return text
	}
	return "The rule was: " + d.Trace.Rule + "."
}

// why tells the reason.
func why(d *contract.Delivery) string {
	if d.Reason == "" {
		return ""
	}
	r, detail := reasonOf(d)
	if r == (contract.Reason{}) {
		return "The reason was: " + detail + "."
	}
	text := reasons[r].text
	if detail != "" {
		text = strings.TrimSuffix(text, ".") + ": " + detail + "."
	}
	if d.Trace != nil && d.Trace.Limit > 0 {
		text += fmt.Sprintf(" The limit is %d a minute.", d.Trace.Limit)
	}
	return text
}

// handlers say what a delivery went to, where it was not to raise an incident.
var handlers = map[string]string{
	contract.HandlerTriage:     "",
	contract.HandlerStore:      "",
	contract.HandlerTaskResult: "It went to the workflow that follows a task to its end, which raises no incident of itself.",
}

// handler tells what it went to, and what holds its incident back.
func handler(d *contract.Delivery) string {
	if d.Trace == nil {
		return ""
	}
	if d.Trace.Silence != "" {
		return "The silence " + d.Trace.Silence + " holds its incident back: it is recorded, and nobody is told before the silence ends."
	}
	return handlers[d.Trace.Handler]
}

// skewed is the difference of two clocks that is worth a sentence.
const skewed = 30 * time.Second

// skew tells of a sender's clock that is wrong, or of a delivery that was long on
// its way.
func skew(d *contract.Delivery) string {
	if d.Trace == nil {
		return ""
	}
	off := time.Duration(d.Trace.SkewMS) * time.Millisecond
	switch {
	case off >= skewed:
		return "It says that it was signed " + off.Round(time.Second).String() + " before it came: the sender's clock is behind, or it was long on its way."
	case off <= -skewed:
		return "It says that it was signed " + (-off).Round(time.Second).String() + " after it came: the sender's clock is ahead."
	default:
		return ""
	}
}

func local(d *contract.Delivery) string {
	if d.Trace == nil || !d.Trace.Local {
		return ""
	}
	return "Redis was away: the ingest that took it decided from its own memory, which knows only what came to itself."
}

// codes say what a problem code tells the sender.
var codes = map[string]string{
	"WEBHOOK_SIGNATURE_INVALID":  "it could not be authenticated",
	"WEBHOOK_REPLAY_DETECTED":    "its signed time is outside the tolerance",
	"WEBHOOK_PAYLOAD_MALFORMED":  "its payload cannot be read",
	"WEBHOOK_HANDLER_FAILED":     "it could not be taken",
	"WEBHOOK_NO_HANDLER":         "nothing handles it",
	"WEBHOOK_PAYLOAD_TOO_LARGE":  "its body is too large",
	"WEBHOOK_RATE_LIMITED":       "the source sends too much",
	"WEBHOOK_METHOD_NOT_ALLOWED": "the method is not allowed",
}

// answered tells what the sender was told.
func answered(d *contract.Delivery) string {
	switch {
	case d.Status == 0:
		return "What the sender was answered is not in the log (yet)."
	case d.Trace != nil && d.Trace.ReplayOf != "":
		return fmt.Sprintf("Whoever replayed it was answered %d; the sender heard nothing of it.", d.Status)
	case d.Status < 300:
		return fmt.Sprintf("The sender was answered %d, so it does not send it again.", d.Status)
	}
	meaning := codes[d.Code]
	if meaning == "" {
		meaning = d.Code
	}
	text := fmt.Sprintf("The sender was answered %d", d.Status)
	if meaning != "" {
		text += ": " + meaning
	}
	if d.Status == 429 || d.Status >= 500 {
		return text + ". Most senders try that again; look for a later delivery of it."
	}
	return text + ". Most senders do not try that again."
}

func notKept(d *contract.Delivery) string {
	if d.Trace == nil || d.Trace.NotKept == 0 {
		return ""
	}
	return fmt.Sprintf("%d more such requests came before it and were not kept, because there were too many a second.", d.Trace.NotKept)
}
