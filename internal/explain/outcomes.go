package explain

import (
	"fmt"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// saying is what there is to say of an outcome. In its texts {id}, {source},
// {provider}, {incident} and {ip} stand for the delivery's own.
type saying struct {
	headline string
	short    string // of one of several signals
	next     []string
}

var outcomes = map[contract.Outcome]saying{
	"": {
		headline: "Not known yet: what was answered is not in the log.", short: "not known yet",
		next: []string{"Ask again in a minute: the log follows the answers. If it stays so, look whether Redis and the worker are up."},
	},
	contract.OutcomeAccepted: {
		headline: "Yes: it started the incident {incident}.", short: "it started an incident",
		next: []string{"See what came of it: nerve incidents show {incident}"},
	},
	contract.OutcomeDuplicate: {
		headline: "No: the same delivery had been taken before, and belongs to the incident {incident}.", short: "taken before",
		next: []string{"See what came of the first one: nerve incidents show {incident}"},
	},
	contract.OutcomeDebounced: {
		headline: "Not again: it is a repeat, and was counted in the incident {incident}.", short: "a repeat, counted",
		next: []string{"See the incident that it was counted in: nerve incidents show {incident}"},
	},
	contract.OutcomeFolded: {
		headline: "Not for itself: its source was over its rate, and it was counted in the storm incident {incident}.", short: "folded into the storm",
		next: []string{
			"See the storm: nerve incidents show {incident}",
			"If so many are usual, raise rate and burst of the source {source}.",
			"To make an incident of this one: nerve deliveries replay {id}",
		},
	},
	contract.OutcomeLimited: {
		headline: "No: its source was over the hard cap, and it was refused.", short: "refused, over the hard cap",
		next: []string{
			"Look whether the sender tried again: nerve deliveries list --source {source}",
			"If it did not: nerve deliveries replay {id}",
			"If so many are usual, raise hard_cap of the source {source}.",
		},
	},
	contract.OutcomeResolved: {
		headline: "No: it says that the alert is over, and closed the incident {incident}.", short: "it closed its incident",
	},
	contract.OutcomeIgnored: {
		headline: "No: it was not for nerve to act on.", short: "not to be acted on",
	},
	contract.OutcomeStored: {
		headline: "No: nothing in it is an alert, so it was only stored.", short: "stored",
	},
	contract.OutcomeDecided: {
		headline: "No: it is a click on a button in Slack, which was told to the approval that it is about.", short: "a click",
		next: []string{"See who was asked and who decided: nerve approvals list"},
	},
	contract.OutcomeHandshake: {
		headline: "No: it only checked whether the endpoint is there, and was answered.", short: "a check of the endpoint",
	},
	contract.OutcomeRejected: {
		headline: "No: it was refused.", short: "refused",
	},
	contract.OutcomeFailed: {
		headline: "No: nerve could not take it, and said so to the sender.", short: "not taken",
		next: []string{"Look whether the sender tried again: nerve deliveries list --source {source}"},
	},
}

// headline answers in one sentence.
func headline(in Input) string {
	d := &in.Delivery
	if len(in.Parts) > 0 {
		return several(in)
	}
	o, known := outcomes[d.Outcome]
	switch {
	case ofTask(d) && ofTasks[d.Outcome] != "":
		return ofTasks[d.Outcome]
	case !known:
		return fmt.Sprintf("Its outcome was %s, which this release cannot explain.", d.Outcome)
	case d.IncidentID == "" && d.WorkflowID == "":
		if text, found := nameless[d.Outcome]; found {
			return text
		}
	}
	if d.Outcome == contract.OutcomeAccepted && d.Trace != nil && d.Trace.Silence != "" {
		return fill("Not yet: it started the incident {incident}, which a silence holds back.", d)
	}
	if d.Outcome == contract.OutcomeDebounced && d.Trace != nil && d.Trace.Rule == contract.RuleWorse {
		return fill("Not for itself: it is a repeat of the incident {incident}, which was told at once, because it was worse.", d)
	}
	text := fill(o.headline, d)
	if told(in) {
		text += " " + why(d)
	}
	return text
}

// told reports whether the headline has the reason: where nothing came of a
// delivery, the reason is the answer.
func told(in Input) bool {
	switch in.Delivery.Outcome {
	case contract.OutcomeRejected, contract.OutcomeFailed, contract.OutcomeIgnored:
		return len(in.Parts) == 0 && in.Delivery.Reason != ""
	default:
		return false
	}
}

// nameless are the headlines where the log does not know the incident.
var nameless = map[contract.Outcome]string{
	contract.OutcomeAccepted:  "Yes: it started an incident.",
	contract.OutcomeDuplicate: "No: the same delivery had been taken before.",
	contract.OutcomeDebounced: "Not again: it is a repeat, and was counted in the incident that runs.",
	contract.OutcomeFolded:    "Not for itself: its source was over its rate, and it was counted in the source's storm incident.",
	contract.OutcomeResolved:  "No: it says that the alert is over, and closed its incident.",
}

// ofTask reports whether a delivery tells of a task, which raises no incident.
func ofTask(d *contract.Delivery) bool {
	return d.Trace != nil && d.Trace.Handler == contract.HandlerTaskResult
}

// ofTasks are the headlines of events of tasks.
var ofTasks = map[contract.Outcome]string{
	contract.OutcomeAccepted:  "No: it tells of a task, not of an alert, and the task's workflow has it (nerve tasks list).",
	contract.OutcomeDuplicate: "No: it tells of a task, not of an alert, and had been taken before.",
	contract.OutcomeDebounced: "No: it tells of a task, not of an alert, whose workflow knew that already.",
}

// several answers for a delivery of several signals.
func several(in Input) string {
	started := 0
	for i := range in.Parts {
		if in.Parts[i].Outcome == contract.OutcomeAccepted {
			started++
		}
	}
	tried, all := len(in.Parts), in.Delivery.Signals
	if in.Delivery.Outcome == "" {
		return fmt.Sprintf("Yes: %d of its signals started an incident; what was answered, and what became of others, is not in the log.", started)
	}
	text := "No"
	if started > 0 {
		text = "Yes"
	}
	text = fmt.Sprintf("%s: of its %d signals %d started an incident.", text, all, started)
	if started == 1 {
		text = fmt.Sprintf("Yes: one of its %d signals started an incident.", all)
	}
	switch {
	case tried < all && in.Delivery.Status < 300:
		text += fmt.Sprintf(" Of %d the log has nothing.", all-tried)
	case tried < all:
		text += fmt.Sprintf(" %d of them could not be taken: the sender was told to send all of it again, and what is taken already is recognised then.", all-tried+1)
	}
	return text
}
