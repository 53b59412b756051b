package approval

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/slack"
)

const (
	// clickWait is how long an answer to Slack waits for the decision: Slack calls
	// a click failed after three seconds.
	clickWait = 2 * time.Second
	// clickPatience bounds a click from beginning to end, the answer to the person
	// included.
	clickPatience = 15 * time.Second
	// maxClicks in hand; people do not press that many.
	maxClicks = 16
)

// Teller shows a text to one person in Slack.
type Teller interface {
	Tell(ctx context.Context, channel, user, thread, text string) error
}

// Desk takes the clicks on the buttons of approvals to the approvals, and tells
// the person what came of it when it is not what they wanted: the message itself
// shows the rest.
type Desk struct {
	service *Service
	teller  Teller // nil tells nobody
	log     *slog.Logger
	group   errgroup.Group
	wait    time.Duration // clickWait
}

// NewDesk returns a desk. teller may be nil.
func NewDesk(s *Service, teller Teller, log *slog.Logger) *Desk {
	d := &Desk{service: s, teller: teller, log: log, wait: clickWait}
	d.group.SetLimit(maxClicks)
	return d
}

// Click takes an interaction that Slack has sent and that was proved. It returns
// within clickWait; what takes longer goes on by itself. The outcome and reason
// are for the delivery log.
func (d *Desk) Click(ctx context.Context, body []byte) (contract.Outcome, contract.Reason) {
	c, err := slack.ParseClick(body)
	if errors.Is(err, slack.ErrNoClick) {
		return contract.OutcomeIgnored, contract.ReasonNotOurButton
	}
	if err != nil {
		return contract.OutcomeIgnored, contract.ReasonNotOurButton.With("unreadable")
	}
	type result struct {
		outcome contract.Outcome
		reason  contract.Reason
	}
	done := make(chan result, 1)
	ctx = context.WithoutCancel(ctx)
	started := d.group.TryGo(func() error {
		ctx, cancel := context.WithTimeout(ctx, clickPatience)
		defer cancel()
		outcome, reason := d.take(ctx, c)
		done <- result{outcome, reason}
		return nil
	})
	if !started {
		return contract.OutcomeIgnored, contract.ReasonClickRefused.With("too_many")
	}
	timer := time.NewTimer(d.wait)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.outcome, r.reason
	case <-timer.C:
		return contract.OutcomeDecided, contract.ReasonClick.With("pending")
	}
}

// Wait returns when every click is through.
func (d *Desk) Wait() { _ = d.group.Wait() } // take reports its own errors

func (d *Desk) take(ctx context.Context, c slack.Click) (contract.Outcome, contract.Reason) {
	log := d.log.With("approval", c.Approval, "slack_user", c.UserID)
	person, known := d.service.o.People.Slack(c.UserID)
	if !known {
		log.WarnContext(ctx, "a click by somebody who cannot approve")
		d.tell(ctx, c, "You cannot decide about this: nerve does not know which person your Slack user "+c.UserID+
			" is. Whoever runs nerve adds you to people in its configuration (docs/approvals.md); nothing was decided.")
		return contract.OutcomeIgnored, contract.ReasonClickRefused.With("unknown_person")
	}
	_, err := d.service.decide(ctx, decision{
		id: c.Approval, run: c.RunID, ref: refOf(c),
		ruling: contract.Ruling{Grant: c.Grant, Actor: audit.Actor{Person: person, Via: audit.ViaSlack, Credential: c.TeamID + "/" + c.UserID}},
	})
	if err == nil {
		log.InfoContext(ctx, "decided in slack", "grant", c.Grant)
		if c.Grant {
			return contract.OutcomeDecided, contract.ReasonClick.With("granted")
		}
		return contract.OutcomeDecided, contract.ReasonClick.With("denied")
	}
	log.WarnContext(ctx, "a click decided nothing", "grant", c.Grant, "error", err)
	said, reason := sorry(c, err)
	d.tell(ctx, c, said)
	return contract.OutcomeIgnored, contract.ReasonClickRefused.With(reason)
}

// refOf names a press, so that one that is delivered twice decides once.
func refOf(c slack.Click) string {
	if c.At == "" {
		return ""
	}
	return "slack/" + c.UserID + "/" + c.At
}

// sorry says to the person why their click decided nothing, and to the delivery
// log in a word.
func sorry(c slack.Click, err error) (said, reason string) {
	switch {
	case errors.Is(err, ErrRequester):
		return "You asked for this yourself, so somebody else has to approve it. You can deny it to take it back.", "requester"
	case errors.Is(err, ErrDecided):
		return "This is decided already, or its deadline is over: your click changed nothing. `nerve approvals show " + c.Approval + "` tells.", "decided"
	case errors.Is(err, ErrNotFound):
		return "This request is not there any more; nothing was decided.", "not_found"
	case errors.Is(err, ErrNobody):
		return "You are not among the people who can approve; nothing was decided.", "nobody"
	case errors.Is(err, ErrNoWorker):
		return "No worker of nerve answered, so it is not sure that your click counted. Look at the message again in a minute, and click again if it still has its buttons.", "no_worker"
	default:
		return "nerve cannot reach Temporal now, so nothing was decided. Click again in a minute.", "failed"
	}
}

// tell says something to the person who clicked, in the thread of the message.
func (d *Desk) tell(ctx context.Context, c slack.Click, text string) {
	if d.teller == nil || c.Channel == "" {
		return
	}
	if err := d.teller.Tell(ctx, c.Channel, c.UserID, "", text); err != nil {
		d.log.WarnContext(ctx, "the person who clicked was not told why nothing was decided", "slack_user", c.UserID, "error", err)
	}
}
