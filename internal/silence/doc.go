// Package silence says which signals a silence or a maintenance window holds
// back: a CEL expression over the signal, between two times.
//
// An expression is checked when the silence is made, and its mistakes are named
// with their place. Set evaluates the silences that hold now, in memory, on the
// way of an answer; Watch keeps it up to date, told by Redis and by asking the
// database, and with a sealed copy in Redis while the database is away.
//
// Whatever goes wrong here, the alert is raised: an expression that cannot be
// evaluated, a copy that cannot be read, and silences that were never loaded hold
// nothing back. Somebody is woken once too often rather than not at all.
package silence
