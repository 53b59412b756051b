// Package credits tells a billing system what became of the credits that it
// reserved for a task: settle them, or give them back.
//
// It posts a Standard Webhook {type, timestamp, data} to one configured HTTPS
// address. The message's id is made of the task and of what is told, so that it
// is the same however often it is repeated, and the billing system can tell that
// it has done so already. Only the type of a body is nerve's; whether to call
// again is said by the answer's status.
package credits
