package doctor

import (
	"context"
	"net/netip"

	"github.com/nerve-alerts/nerve/internal/privacy"
)

// settings looks at what needs no connection.
func (x *examination) settings(context.Context) []Finding {
	r := &report{area: "configuration"}
	for _, m := range x.Mistakes {
		r.add(Problem, m.Fix, "%s %s", m.Key, m.Problem)
	}
	if len(x.Mistakes) == 0 {
		r.ok("ingest and worker would start with it")
	}
	if raw := x.Config.Keyset.Reveal(); raw != "" {
		if k, err := privacy.ParseKeyset([]byte(raw)); err == nil {
			r.ok("%s", k.String())
		}
	}
	for _, p := range x.Config.TrustedProxies {
		if everybody(p) {
			r.add(Danger, "Name the proxy's own addresses in trusted_proxies",
				"trusted_proxies holds %s: every sender can claim any address, and the pause after failed attempts means nothing", p)
		}
	}
	x.approvals(r)
	if !x.Dev && x.Config.Codec.Token.Reveal() == "" {
		r.add(Warning, "Set NERVE_CODEC_TOKEN and NERVE_CODEC_ORIGINS on the workers",
			"codec.token is not set: Temporal UI shows encrypted payloads only")
	}
	return r.all
}

// approvals looks at who watches over changes of sources.
func (x *examination) approvals(r *report) {
	if x.Dev {
		return // there is one person at a laptop
	}
	switch {
	case x.Config.Approvals.SingleOperator:
		r.add(Danger, "Take out approvals.single_operator, and name the people who approve in people (docs/approvals.md)",
			"approvals.single_operator is on: one person alone can add a source, take one away or weaken its proof")
	case len(x.Config.People) == 0:
		r.add(Warning, "Name the people who approve in people (docs/approvals.md)",
			"people is empty: nobody can approve in Slack, and on the command line everybody can, under any name")
	}
}

// everybody reports whether a proxy entry holds half of the internet or more.
func everybody(entry string) bool {
	prefix, err := netip.ParsePrefix(entry)
	return err == nil && prefix.Bits() <= 1
}
