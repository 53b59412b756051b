// Package events tells subscribers what happened to deliveries: webhook.received,
// verified, processed and failed (row P10), as signed Standard Webhooks.
//
// Of makes events of the delivery log's entries: metadata only, never content,
// each with an id that is the same however often it is made. Sender delivers a
// batch to one subscriber, in order, and says what is left to try again. Which
// subscribers want no more is in SQL (gone.go); retries and their schedule are
// workflows.DeliverEvents.
package events
