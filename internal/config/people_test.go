package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPeople(t *testing.T) {
	t.Parallel()
	c := load(t, Options{Environ: enough("SLACK_CHANNEL=C0ALERTS01"), File: yamlFile(t, `
people:
  - {name: alex, email: Alex@example.com, slack: U012ALEX}
  - {name: robin, slack: U012ROBIN}
  - {email: kim@example.com}
`)})
	assert.Equal(t, Approvals{Channel: "C0ALERTS01", Deadline: 24 * time.Hour}, c.Approvals)
	for who, want := range map[string]string{
		"alex": "alex@example.com", "ALEX@example.com ": "alex@example.com", "Robin": "robin", "kim@example.com": "kim@example.com",
	} {
		got, known := c.People.Known(who)
		assert.Equal(t, want, got, who)
		assert.True(t, known, who)
	}
	got, known := c.People.Known("Somebody")
	assert.Equal(t, "somebody", got)
	assert.False(t, known)
	_, known = c.People.Known("")
	assert.False(t, known, "an empty name is nobody's, also where a person has no address")
	got, known = c.People.Slack("U012ALEX")
	assert.Equal(t, "alex@example.com", got)
	assert.True(t, known)
	for _, id := range []string{"", "U012OTHER"} {
		_, known = c.People.Slack(id)
		assert.False(t, known, id)
	}
}

func TestPeopleWhoCannotBeMeant(t *testing.T) {
	t.Parallel()
	found := mistakes(t, Options{Environ: enough("NERVE_APPROVALS_DEADLINE=200h"), File: yamlFile(t, `
people:
  - {slack: U012ALEX}
  - {name: robin, slak: U1}
  - {name: Robin, email: nowhere, slack: "@robin"}
  - {name: [a]}
`)})
	for _, key := range []string{"people[0]", "people[1].slak", "people[2]", "people[2].email", "people[2].slack", "people[3].name", "NERVE_APPROVALS_DEADLINE"} {
		assert.Contains(t, found, key)
	}
	assert.Contains(t, found["people[1].slak"].Fix, "slack")
	assert.Contains(t, mistakes(t, Options{Environ: enough(), File: yamlFile(t, "people: {name: alex}")}), "people")
}
