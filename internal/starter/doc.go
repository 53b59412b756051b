// Package starter tells Temporal what ingest and the worker's drainer have for
// it: start an incident, count one more occurrence, resolve it. It owns the
// policies under which a workflow id is used again, and it sorts Temporal's
// errors into those worth another try and those that are not.
//
// A command that is told twice is refused by Temporal or recognised by the
// incident, as long as that runs. Past tells of incidents that have ended.
//
// It caps the starts in flight, because beyond about eight only the wait grows:
// a caller that gets no place before its deadline gets ErrBusy and spools.
// It never retries by itself; the SDK does so within the caller's deadline.
package starter
