// Package events tells subscribers what happened to deliveries: webhook.received,
// verified, processed and failed (row P10), as signed Standard Webhooks.
//
// Of makes events of the delivery log's entries: metadata only, never content,
// each with an id that is the same however often it is made. Sender delivers a
// batch to one subscriber, in order, and says what is left to try again. It keeps
// no state but which subscribers want no more: retries, their schedule and what
// survives a restart are workflows.DeliverEvents.
package events
