// Package explain says in plain sentences what became of a delivery, for a
// person who asks at 3 a.m. why they were, or were not, paged: what came when
// and from where, how it proved itself, which key and window it met, which rule
// applied, what the sender was told, and what to do next.
//
// Delivery is pure: it is given what the delivery log has and asks nobody; Gather
// looks that up. It knows
// every outcome, reason, rule and code that the rest of nerve can give, which a
// test holds it to. What it does not know, from a later release, it says as it
// stands instead of failing.
package explain
