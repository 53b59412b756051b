// Package activities holds every side effect of an incident's workflow: what
// calls Slack, what looks for evidence, what analyses, what records.
//
// Each exported method of Activities is an activity, and its name is stored in
// histories: renaming one is a breaking change. Whatever a method returns, an
// error included, lands in Temporal; so evidence, verdicts and error texts are
// scrubbed here, before they are returned. Every activity can be repeated
// without harm. Whether a failed one is worth repeating is said by the adapter
// and put into Temporal's words in errors.go; how often is the workflow's table.
package activities
