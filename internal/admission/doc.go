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
// A repeat is settled by Admit, but for the few that the incident is told of: their
// delivery stays pending until Confirm, and a retry of it is told, not counted.
//
// Redis is an optimisation: the workflow id is the guarantee. When Redis does
// not answer within its small budget, the same decisions are made in this
// process's memory and Temporal refuses what another process has started. What
// was decided meanwhile is brought into Redis before Redis decides again.
//
// Both streams are queues of what is not done yet: an entry stays until it was
// handled, and is then deleted. They refuse new entries when they are full and
// are never trimmed, because trimming forgets what nobody has read. One process
// at a time works on a stream, under a lease, in the stream's order; any other
// takes over when the lease ends. Waiting costs one blocking read a minute.
//
// Key names hold hashes and marks hold workflow and incident ids, so Redis holds
// no personal data beyond what the callers put into entries, which is sealed.
// Everything but the streams expires. All keys carry the hash tag {nerve}: in a
// Redis cluster they share one slot.
package admission
