// Package task is the life of a task that somebody else's model works on, as far
// as its webhooks tell it: starting, processing, and then succeeded, failed or
// canceled.
//
// It is plain data and one rule: a state only ever moves forward, and one that is
// final stays. So an event that comes late, twice or in the wrong order changes
// nothing. The package imports the standard library only and does nothing; what
// a success or a failure costs and whom it concerns is workflows.TaskResult's.
package task
