package app

import (
	"github.com/nerve-alerts/nerve/internal/approval"
)

// Approvals is how this program asks for a second person, and decides.
func (c *Core) Approvals() *approval.Service {
	return approval.New(approval.Options{
		Client: c.Client, Converter: c.Converter, Namespace: c.Config.Temporal.Namespace, Sealer: c.Sealer,
		Channel: c.approvalsChannel(), Deadline: c.Config.Approvals.Deadline, People: c.Config.People, Anybody: c.Config.Approvals.Anybody,
	})
}

// approvalsChannel is where a second person is asked. Without a token there is
// no Slack to ask in, and a channel would only make each approval wait for it.
func (c *Core) approvalsChannel() string {
	if c.Slack == nil {
		return ""
	}
	return c.Config.Approvals.Channel
}

// desk takes clicks on the buttons of approvals.
func (c *Core) desk() *approval.Desk {
	if c.Slack == nil {
		return approval.NewDesk(c.Approvals(), nil, c.Log)
	}
	return approval.NewDesk(c.Approvals(), c.Slack, c.Log)
}
