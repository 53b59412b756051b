// Package lookout finds what is wrong with senders, by asking the delivery log:
// too many signatures that are wrong, replays or errors, a clock that is off, a
// secret that matches no more, and a source that fell silent against its own
// cadence. It also brings the end of a silence to what came in while it ended.
//
// It keeps nothing: the workflow that asks it (workflows.Watch) knows what stands
// and what was told. A store that does not answer finds nothing and is an error.
package lookout
