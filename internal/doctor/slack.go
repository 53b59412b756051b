package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/nerve-alerts/nerve/internal/slack"
)

func (x *examination) slack(ctx context.Context) []Finding {
	r := &report{area: "slack"}
	token := x.Config.Slack.BotToken.Reveal()
	if token == "" {
		if x.Dev {
			r.ok("the stand-in of nerve dev")
			return r.all
		}
		r.add(Problem, "Set SLACK_BOT_TOKEN (docs/sources/slack.md)", "slack.bot_token is not set: nobody is told of anything")
		return r.all
	}
	c, err := slack.New(token, x.Config.Slack.APIURL, nil)
	if err != nil {
		r.add(Problem, "Set SLACK_BOT_TOKEN (docs/sources/slack.md)", "%s", short(err))
		return r.all
	}
	self, err := c.Self(ctx)
	if err != nil {
		r.add(Problem, "Check the token and that this machine reaches Slack; incidents wait and are answered later", "%s", short(err))
		return r.all
	}
	r.ok("nerve is %s in team %s", self.BotID, self.TeamID)
	x.scopes(r, self)
	if x.Config.Slack.Channel == "" {
		r.add(Warning, "Set SLACK_CHANNEL, or channel on each source that is not Slack", "slack.channel is not set: incidents of other sources without a channel of their own are told nowhere")
	}
	return r.all
}

// scopes compares what the token may do with what nerve does.
func (x *examination) scopes(r *report, self slack.Self) {
	if len(self.Scopes) == 0 { // a stand-in, or a proxy that drops the header
		return
	}
	var missing []string
	for _, s := range slack.Scopes {
		if !slices.Contains(self.Scopes, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		r.add(Problem, "Add them to the app and install it again (docs/sources/slack.md)", "the token lacks the scopes %s", strings.Join(missing, ", "))
	}
}
