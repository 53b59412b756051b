// Package incident is nerve's domain: the universal incident signal that every
// provider produces, the key that makes one alert one incident, and the verdict
// that an analysis returns.
//
// It imports the standard library only and knows no vendor, no store and no
// transport, so that a provider can be written outside this module. Values are
// plain data: they cross Temporal and Redis as JSON, so fields are only ever
// added, never renamed.
package incident
