// Package replay takes deliveries that the log has kept through today's code:
// after a mapping was mended, after an outage, or to see what a change would do.
//
// The bytes are read by the provider that the source has now. They are not
// proved again, because a signature's time has passed by then: the proof was
// checked when they came, and whoever replays them is in the audit log instead.
// A plan (a dry run) says field by field what would be another than it was. A run
// goes through the pipeline of a webhook, as a delivery of its own that names the
// one it replays, and follows the same rules: what was taken before is a
// duplicate, and says so. Only when it is told to (again) does a replay make an
// incident of its own, under a key with a suffix.
//
// It refuses what cannot be replayed: a delivery that was not proved, of which
// nothing was kept, and a part of one that held several signals.
package replay
