package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// A step of a workflow, and so a row of the table below.
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

	// Of a task.
	stepOutput  step = "output"
	stepKeep    step = "keep"
	stepSettle  step = "settle"
	stepTell    step = "tell"
	stepMark    step = "mark"
	stepRemove  step = "remove"
	stepReverse step = "reverse"
	stepAlarm   step = "alarm"

	// Of events on their way out.
	stepSend step = "send"

	stepAsk    step = "ask"
	stepEdit   step = "edit"
	stepRemind step = "remind"
	stepAudit  step = "audit"
	stepApply  step = "apply"

	stepNote    step = "note"
	stepSilence step = "silence"
	stepWatch   step = "watch"
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
	beat  time.Duration // longest silence of an attempt; 0 is no bound
	why   string
}

// policies is the one table of timeouts and retries. A Slack rate limit's own
// Retry-After takes the place of the wait. Errors that no retry mends (a channel
// that does not exist, a revoked token) are marked so by their adapter and end
// a step at once whatever its row says.
var policies = map[step]policy{
	stepSeen: {
		queue: contract.QueueSlack, try: 5 * time.Second, all: 15 * time.Second, first: time.Second, grow: 4, most: 4 * time.Second, tries: 4,
		why: "ingest has set the light already in nearly every case; the answer must not wait for it, whatever wait Slack asks for",
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
	stepOutput: {
		queue: contract.QueueTasks, try: 5 * time.Minute, all: time.Hour, first: 2 * time.Second, grow: 3, most: 2 * time.Minute, beat: 30 * time.Second,
		why: "Replicate deletes an output after an hour, so nothing is won by trying for longer",
	},
	stepKeep: {
		queue: contract.QueueTriage, try: 10 * time.Second, all: 24 * time.Hour, first: time.Second, grow: 2, most: time.Minute,
		why: "credits are settled for what is on record; a database that is away for hours is waited for",
	},
	stepSettle: {
		queue: contract.QueueTasks, try: 20 * time.Second, all: 7 * 24 * time.Hour, first: time.Second, grow: 3, most: 15 * time.Minute,
		why: "runs beside everything else: the task has succeeded whatever the billing system does, and its message may be repeated",
	},
	stepTell: {
		queue: contract.QueueSlack, try: 15 * time.Second, all: 30 * time.Minute, first: time.Second, grow: 4, most: time.Minute,
		why: "a notice is worth outlasting an outage of minutes, and never the task",
	},
	stepMark: {
		queue: contract.QueueTriage, try: 10 * time.Second, all: 2 * time.Minute, first: time.Second, grow: 2, most: 15 * time.Second,
		why: "a failure should be on record before its credits go back, but they must not wait for a database; it is written again at the end",
	},
	stepRemove: {
		queue: contract.QueueTasks, try: time.Minute, all: 24 * time.Hour, first: time.Second, grow: 3, most: 15 * time.Minute,
		why: "an output of a task that failed is of no use to anybody, and takes room until it is gone",
	},
	stepReverse: {
		queue: contract.QueueTasks, try: 20 * time.Second, all: 7 * 24 * time.Hour, first: time.Second, grow: 3, most: 15 * time.Minute,
		why: "somebody's credits are held until it works; its message may be repeated",
	},
	stepAlarm: {
		queue: contract.QueueSlack, try: 15 * time.Second, all: 24 * time.Hour, first: time.Second, grow: 4, most: 5 * time.Minute,
		why: "somebody has to put in order by hand what could not be undone",
	},
	stepSend: {
		queue: contract.QueueEvents, try: 3 * time.Minute, all: time.Hour, first: 5 * time.Second, grow: 4, most: 5 * time.Minute, tries: 10, beat: 45 * time.Second,
		why: "what a subscriber answers is no failure: these tries are for a worker that dies, or does not know the subscriber yet",
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
	stepNote: {
		queue: contract.QueueSlack, try: 10 * time.Second, all: 5 * time.Minute, first: time.Second, grow: 4, most: 30 * time.Second,
		why: "the answer says the same: worth the tries of a light, never the incident",
	},
	stepSilence: {
		queue: contract.QueueTriage, try: 5 * time.Second, all: time.Minute, first: time.Second, grow: 4, most: 16 * time.Second,
		why: "an alert must not wait long for the answer that it may go on being silent: without one it is raised",
	},
	stepWatch: {
		queue: contract.QueueTriage, try: 20 * time.Second, all: 50 * time.Second, first: 2 * time.Second, grow: 3, most: 10 * time.Second, tries: 3,
		why: "the next look is a minute away: what this one misses, that one finds",
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
		HeartbeatTimeout:       p.beat,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    p.first,
			BackoffCoefficient: p.grow,
			MaximumInterval:    p.most,
			MaximumAttempts:    p.tries,
		},
	})
}
