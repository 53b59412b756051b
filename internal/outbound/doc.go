// Package outbound is the way to addresses that somebody else chose: where a
// task's output is fetched, where credits are settled, where events go.
//
// A URL that comes from outside must not lead nerve into its own network. Guard
// looks at the address that is really dialled, after DNS, for every connection
// and every redirect again: nothing private, loopback, link-local, multicast,
// carrier-grade NAT or metadata, also where IPv6 only wraps such an address. A
// proxy from the environment is not used, because it would resolve names itself.
// Redirects are followed only where the caller's rules allow their target too.
//
// What is posted is signed as a Standard Webhook. Errors say whether the same
// call can work later, and hold neither URL nor body: both may carry secrets.
package outbound
