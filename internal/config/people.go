package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Person is somebody who can approve, and the names that they have in different
// places: a user name on the command line, an address at a login, a Slack user.
type Person struct {
	Name, Email, Slack string
}

// id is what the two-person rule compares: the address, or else the name.
func (p Person) id() string {
	if p.Email != "" {
		return strings.ToLower(p.Email)
	}
	return strings.ToLower(p.Name)
}

// People are those whom the configuration names.
type People []Person

// Known finds the person that a user name, an address or the owner of a token
// means, and returns the one name that stands for all of theirs. Somebody who is
// not named stays who they are, in lower case.
func (p People) Known(who string) (string, bool) {
	who = strings.TrimSpace(who)
	for _, one := range p {
		if who != "" && (strings.EqualFold(who, one.Email) || strings.EqualFold(who, one.Name)) {
			return one.id(), true
		}
	}
	return strings.ToLower(who), false
}

// Slack finds the person behind a Slack user id.
func (p People) Slack(user string) (string, bool) {
	for _, one := range p {
		if user != "" && one.Slack == user {
			return one.id(), true
		}
	}
	return "", false
}

// The bounds of approvals.deadline: time to read what is asked, and not so long
// that a change is granted of which nobody remembers why.
const (
	minDeadline = time.Minute
	maxDeadline = contract.Retention - 24*time.Hour
)

func (l *loader) approvals() Approvals {
	a := Approvals{
		// There is one person at a laptop, unless they say otherwise.
		SingleOperator: l.boolean("approvals.single_operator") || l.options.Program == Dev && !l.set("approvals.single_operator"),
		Channel:        l.text("approvals.channel"), Deadline: l.duration("approvals.deadline"),
	}
	if a.Deadline != 0 && (a.Deadline < minDeadline || a.Deadline > maxDeadline) {
		l.mistake(l.name("approvals.deadline"), fmt.Sprintf("%q is not from 1m to 144h", l.text("approvals.deadline")), "Write it like 24h")
	}
	return a
}

var slackUser = regexp.MustCompile(`^[UW][A-Z0-9]{2,}$`)

var personKeys = []string{"name", "email", "slack"}

// people reads who can approve. Two people who share a name would be one to the
// two-person rule, or one would be two, so it is refused.
func (l *loader) people() People {
	var all People
	taken := map[string]bool{}
	for i, raw := range l.listed("people") {
		where := fmt.Sprintf("people[%d]", i)
		read := func(name string) string {
			v, ok := scalar(raw[name])
			if !ok {
				l.mistake(where+"."+name, "is a list or a group", "Give one value")
			}
			return v
		}
		var unknown []string
		for name := range raw {
			if !slices.Contains(personKeys, name) {
				unknown = append(unknown, name)
			}
		}
		slices.Sort(unknown)
		for _, name := range unknown {
			l.unknown(where+"."+name, name, personKeys)
		}
		p := Person{Name: read("name"), Email: read("email"), Slack: read("slack")}
		if p.id() == "" {
			l.mistake(where, "has neither a name nor an email", "Give one: it is who the audit log names")
		}
		if p.Email != "" && !strings.Contains(p.Email, "@") {
			l.mistake(where+".email", fmt.Sprintf("%q is not an address", p.Email), "Write it as the login knows it")
		}
		if p.Slack != "" && !slackUser.MatchString(p.Slack) {
			l.mistake(where+".slack", fmt.Sprintf("%q is not a Slack user id", p.Slack), "Copy the member id from the person's profile in Slack; it looks like U012ABCDEF")
		}
		names := []string{strings.ToLower(p.Name), strings.ToLower(p.Email), strings.ToLower(p.Slack)}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if name != "" && taken[name] {
				l.mistake(where, fmt.Sprintf("%q is somebody else's already", name), "Give each person an entry of their own")
			}
			taken[name] = true
		}
		all = append(all, p)
	}
	return all
}
