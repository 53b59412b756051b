package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/contract"
)

// Incident is what is known of an incident that a delivery belongs to.
type Incident struct {
	ID       string
	Title    string
	Severity incident.Severity
	Status   incident.Status
	Phase    contract.Phase
	OpenedAt time.Time
}

// Input is what there is to explain from.
type Input struct {
	Delivery contract.Delivery
	// Parts are the entries of its signals, when it held several.
	Parts []contract.Delivery
	// Incidents are those of the delivery and its parts, by id, as far as known.
	Incidents map[string]Incident
	// WorkflowURL leads to a workflow; nil when nobody knows where Temporal UI is.
	WorkflowURL func(workflowID string) string
}

// Explanation is the answer to "why was I (not) paged?".
type Explanation struct {
	DeliveryID string           `json:"delivery_id"`
	Outcome    contract.Outcome `json:"outcome"`
	// Paged says that the delivery started an incident that somebody was told of,
	// or one of its signals did.
	Paged    bool   `json:"paged"`
	Headline string `json:"headline"` // the answer, in one sentence
	// Facts tell how it came to that, in order.
	Facts []string `json:"facts"`
	// Next is what to do about it, where there is something.
	Next []string `json:"next,omitempty"`
}

// Delivery explains one entry of the delivery log.
func Delivery(in Input) Explanation {
	d := &in.Delivery
	e := Explanation{DeliveryID: d.ID, Outcome: d.Outcome, Headline: headline(in), Paged: paged(d)}
	for i := range in.Parts {
		e.Paged = e.Paged || paged(&in.Parts[i])
	}
	e.add(arrival(d), replay(d), proof(d), skew(d), content(d))
	if len(in.Parts) == 0 {
		e.add(key(d), window(d), rule(d), handler(d))
	}
	if !told(in) {
		e.add(why(d))
	}
	e.add(local(d))
	for i := range in.Parts {
		e.add(part(&in.Parts[i]))
	}
	e.add(answered(d))
	e.add(incidents(in)...)
	e.add(notKept(d))
	e.Next = next(in)
	return e
}

// paged reports whether an entry started an incident that somebody is told of.
func paged(d *contract.Delivery) bool {
	return d.Outcome == contract.OutcomeAccepted && (d.Trace == nil || d.Trace.Silence == "")
}

// add adds the facts that there are.
func (e *Explanation) add(facts ...string) {
	for _, f := range facts {
		if f != "" {
			e.Facts = append(e.Facts, f)
		}
	}
}

// Text is the explanation for a terminal, at most width characters a line.
func (e Explanation) Text(width int) string {
	var b strings.Builder
	wrap(&b, e.Headline, "", "", width)
	b.WriteByte('\n')
	for _, f := range e.Facts {
		wrap(&b, f, "- ", "  ", width)
	}
	if len(e.Next) > 0 {
		b.WriteString("\nWhat to do\n")
		for i, n := range e.Next {
			mark := fmt.Sprintf("%d. ", i+1)
			wrap(&b, n, mark, strings.Repeat(" ", len(mark)), width)
		}
	}
	return b.String()
}

// wrap writes a text in lines; a word that is longer than a line stays whole,
// because it is to be copied.
func wrap(b *strings.Builder, text, first, rest string, width int) {
	line := first
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > width {
			b.WriteString(line + "\n")
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	b.WriteString(line + "\n")
}

// reasonOf is a delivery's reason as explain knows it, with what was added to it.
func reasonOf(d *contract.Delivery) (contract.Reason, string) {
	r, detail, known := contract.ParseReason(d.Reason)
	if !known {
		return contract.Reason{}, d.Reason
	}
	return r, detail
}

// part tells of one of several signals.
func part(d *contract.Delivery) string {
	facts := []string{fmt.Sprintf("Signal %d: %s.", d.Part, outcomes[d.Outcome].short)}
	if d.IncidentID != "" {
		facts = append(facts, "Incident "+d.IncidentID+".")
	}
	for _, f := range []string{key(d), window(d), rule(d), handler(d), why(d), local(d)} {
		if f != "" {
			facts = append(facts, f)
		}
	}
	return strings.Join(facts, " ")
}

// incidents tell of every incident that the delivery belongs to, with the way
// to its workflow.
func incidents(in Input) []string {
	var facts []string
	seen := map[string]bool{}
	for _, d := range append([]contract.Delivery{in.Delivery}, in.Parts...) {
		if d.WorkflowID == "" || seen[d.WorkflowID+d.IncidentID] {
			continue
		}
		seen[d.WorkflowID+d.IncidentID] = true
		facts = append(facts, belongs(in, &d))
	}
	return facts
}

func belongs(in Input, d *contract.Delivery) string {
	i, known := in.Incidents[d.IncidentID]
	var b strings.Builder
	switch {
	case known:
		fmt.Fprintf(&b, "Incident %s: %s (%s, %s, %s), opened %s.", i.ID, i.Title, i.Severity, i.Status, i.Phase, at(i.OpenedAt))
	case d.IncidentID != "":
		fmt.Fprintf(&b, "Incident %s is not in the record; its workflow knows more.", d.IncidentID)
	case ofTask(d):
		b.WriteString("The task has a workflow of its own.")
	default:
		b.WriteString("Its incident had no window that knew its name.")
	}
	if in.WorkflowURL != nil {
		fmt.Fprintf(&b, " Workflow: %s", in.WorkflowURL(d.WorkflowID))
	} else {
		fmt.Fprintf(&b, " Workflow id: %s", d.WorkflowID)
	}
	return b.String()
}

// next is what to do, each thing once.
func next(in Input) []string {
	var steps, seen []string // seen are the commands in them
	add := func(d *contract.Delivery) {
		r, _ := reasonOf(d)
		for _, s := range slices.Concat(reasons[r].next, outcomes[d.Outcome].next) {
			switch {
			case strings.Contains(s, "nerve deliveries replay") && d.Assurance == "", // nothing of it was kept
				strings.Contains(s, "{incident}") && (d.IncidentID+d.WorkflowID == "" || ofTask(d)),
				strings.Contains(s, "{ip}") && d.RemoteIP == "":
				continue
			}
			s = fill(s, d)
			if command := s[strings.LastIndex(s, ": ")+1:]; !slices.Contains(seen, command) {
				seen, steps = append(seen, command), append(steps, s)
			}
		}
	}
	add(&in.Delivery)
	for i := range in.Parts {
		add(&in.Parts[i])
	}
	return steps
}

// whole is the delivery that an entry is of, which has the bytes.
func whole(d *contract.Delivery) string {
	if d.Part == 0 {
		return d.ID
	}
	return strings.TrimSuffix(d.ID, "-"+strconv.Itoa(d.Part))
}

// fill puts a delivery's own names into a text.
func fill(text string, d *contract.Delivery) string {
	provider := d.Provider
	if provider == "" {
		provider = "NAME"
	}
	name := d.IncidentID
	if name == "" {
		name = d.WorkflowID
	}
	return strings.NewReplacer(
		"{id}", whole(d), "{source}", d.Source, "{provider}", provider, "{incident}", name, "{ip}", d.RemoteIP,
	).Replace(text)
}
