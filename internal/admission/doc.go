// Package admission decides, in one Redis round trip, what a verified signal is:
// new, a repeat, a retry of the same delivery, or over its source's rate. It
// also owns the two Redis streams: the delivery log on its way to SQL, and the
// spool of commands that Temporal could not take yet.
//
// No claim without a commit: Admit marks the delivery and the window as pending
// for one workflow id; Confirm opens them for their full length, and is called
// only after the start is durable. A request that meets a pending mark is told
// to start the same workflow id again, so a crash between the two loses nothing
// and doubles nothing. Abandon removes the marks when nothing durable happened.
//
// Redis is an optimisation: the workflow id is the guarantee. When Redis does
// not answer within its small budget, the same decisions are made in this
// process's memory and Temporal refuses what another process has started.
package admission
