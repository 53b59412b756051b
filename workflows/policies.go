package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// A step of an incident, and so a row of the table below.
type step string

const (
	stepSeen     step = "seen"
	stepHeadline step = "headline"
	stepEvidence step = "evidence"
	stepThread   step = "thread"
	stepAnalyse  step = "analyse"
	stepNotify   step = "notify"
	stepLight    step = "light"
	stepFailure  step = "failure"
	stepRecord   step = "record"
	stepRelease  step = "release"

	stepAsk    step = "ask"
	stepEdit   step = "edit"
	stepRemind step = "remind"
	stepAudit  step = "audit"
	stepApply  step = "apply"
)

// policy is how a step is tried.
type policy struct {
	queue string
	try   time.Duration // one attempt
	all   time.Duration // every attempt and the waits between; 0 is no bound but the attempts
	first time.Duration // wait before the second attempt
	grow  float64       // factor from wait to wait
	most  time.Duration // longest wait
	tries int32         // 0 is no bound but the time
	why   string
}

// policies is the one table of timeouts and retries. A Slack rate limit's own
// Retry-After takes the place of the wait. Errors that no retry mends (a channel
// that does not exist, a revoked token) are marked so by their adapter and end
// a step at once whatever its row says.
var policies = map[step]policy{
	stepSeen: {
		queue: contract.QueueSlack, try: 5 * time.Second, first: time.Second, grow: 4, most: 16 * time.Second, tries: 4,
		why: "ingest has set the light already in nearly every case; the answer must not wait for it",
	},
	stepHeadline: {
		queue: contract.QueueSlack, try: 15 * time.Second, all: 30 * time.Minute, first: time.Second, grow: 4, most: time.Minute,
		why: "without the headline there is no thread to answer in; a Slack outage of minutes should heal by itself",
	},
	stepEvidence: {
		queue: contract.QueueEvidence, try: 4 * time.Second, all: 8 * time.Second, first: time.Second, grow: 4, most: 4 * time.Second, tries: 3,
		why: "nerve's own stores answer in milliseconds or are away: a fact for the verdict, not a reason to keep people waiting",
	},
	stepThread: {
		queue: contract.QueueSlack, try: 10 * time.Second, all: 45 * time.Second, first: time.Second, grow: 4, most: 16 * time.Second, tries: 4,
		why: "the answer goes to Slack too, so waiting for it costs nobody anything",
	},
	stepAnalyse: {
		queue: contract.QueueTriage, try: 30 * time.Second, first: time.Second, grow: 4, most: 16 * time.Second, tries: 4,
		why: "the default for handlers: 1 s, 4 s, 16 s, then failed",
	},
	stepNotify: {
		queue: contract.QueueSlack, try: 15 * time.Second, all: 30 * time.Minute, first: time.Second, grow: 4, most: time.Minute,
		why: "the answer is what nerve is for: outlast an outage of minutes, then fail where people can see it",
	},
	stepLight: {
		queue: contract.QueueSlack, try: 10 * time.Second, all: 5 * time.Minute, first: time.Second, grow: 4, most: 30 * time.Second,
		why: "a light says at a glance what the thread says in words: worth some tries, never the incident",
	},
	stepFailure: {
		queue: contract.QueueSlack, try: 10 * time.Second, all: time.Minute, first: time.Second, grow: 4, most: 16 * time.Second,
		why: "telling people of a failure must not hold back the failure itself",
	},
	stepRecord: {
		queue: contract.QueueTriage, try: 10 * time.Second, all: 24 * time.Hour, first: time.Second, grow: 2, most: time.Minute,
		why: "runs beside everything else; a database that is away for hours loses no record",
	},
	stepRelease: {
		queue: contract.QueueTriage, try: 5 * time.Second, all: time.Minute, first: time.Second, grow: 4, most: 16 * time.Second,
		why: "the window ends by itself after minutes; ingest also notices a closed incident",
	},
	stepAsk: {
		queue: contract.QueueSlack, try: 15 * time.Second, all: 12 * time.Hour, first: time.Second, grow: 4, most: time.Minute,
		why: "there is a day to decide: asking late is better than never, and the command line and the API need no message",
	},
	stepEdit: {
		queue: contract.QueueSlack, try: 15 * time.Second, all: 10 * time.Minute, first: time.Second, grow: 4, most: time.Minute,
		why: "buttons that decide nothing any more mislead, but a click on one is only refused: outlast a short outage, then end",
	},
	stepRemind: {
		queue: contract.QueueSlack, try: 10 * time.Second, all: 30 * time.Minute, first: time.Second, grow: 4, most: time.Minute,
		why: "a reminder is a courtesy: one that cannot be posted for half an hour is left out",
	},
	stepAudit: {
		queue: contract.QueueTriage, try: 10 * time.Second, all: 24 * time.Hour, first: time.Second, grow: 2, most: time.Minute,
		why: "what is not in the audit log does not happen; a database that is away for hours loses no entry",
	},
	stepApply: {
		queue: contract.QueueTriage, try: 15 * time.Second, all: 4 * time.Hour, first: time.Second, grow: 2, most: time.Minute,
		why: "outlasts an outage of the database; after hours the second person would be surprised, so it fails and is asked for anew",
	},
}

// with returns a context whose activities follow a step's row. The summary is
// what Temporal UI shows beside the activity; it is encrypted like any payload.
func with(ctx workflow.Context, s step, summary string) workflow.Context {
	p := policies[s]
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              p.queue,
		StartToCloseTimeout:    p.try,
		ScheduleToCloseTimeout: p.all,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    p.first,
			BackoffCoefficient: p.grow,
			MaximumInterval:    p.most,
			MaximumAttempts:    p.tries,
		},
	})
}
