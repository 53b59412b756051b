// Package evidence holds the tools that look something up for an incident: what
// people said in its Slack thread, when its alert came before, and earlier
// incidents alike.
//
// A tool returns what it found unscrubbed; the activity that calls it scrubs.
// Tools only read. An empty answer is no error, and an error says only that the
// tool could not look.
package evidence
