// Package api is the operators' API under /api/v1: incidents, deliveries,
// silences, sources, approvals, the audit log and API tokens as JSON, and a door for one's
// own programs to raise alerts. It is described in OpenAPI 3.1, which is served
// beside it and checked in as docs/openapi.json; a test holds the two together.
//
// Every operation names the scope it needs, and one that named none would let
// nobody in. Package access says who is at the door. Whatever is changed is
// entered in the audit log: what the record keeps, in the same transaction; what
// is decided about an incident, by the incident's workflow; a download of raw
// bytes, before the first of them goes out.
//
// Errors are RFC 9457 problems with the same fields as ingest's answers. Their
// text is written for the caller; the cause of what was unexpected is in the log
// under the request's id, and only there.
//
// An Idempotency-Key makes a write safe to repeat: the first answer is kept,
// sealed, for 24 h and given again. An If-Match with the ETag that was read makes
// sure that nothing has changed since.
//
// The package keeps nothing itself. It refuses to be built without what it works
// on, bounds every body, list and wait, and answers 503 with Retry-After while
// the record or Temporal is away.
package api
