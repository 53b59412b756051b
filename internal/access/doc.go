// Package access says who is at the door of the operators' API, and what they
// may do there.
//
// There are two ways in. A program shows an API token: 256 random bits with a
// prefix that scanners recognise and a checksum, so that a mistyped one never
// reaches the database. The record keeps only its SHA-256. A person shows a JWT
// of the configured OpenID Connect issuer, signed with the issuer's keys, for
// nerve's client id, with an e-mail address that the issuer has verified (or none
// at all); rules in the configuration give people, domains and groups a scope.
// There are no passwords, no sessions and no cookies.
//
// Everything fails closed. What cannot be checked is ErrDenied, whatever was
// wrong with it: the caller learns nothing, the log has the reason. While the
// record or the issuer does not answer it is ErrAway, which is 503 on the wire and
// never a way in. An address that keeps failing is turned away for up to a
// minute before its credential is looked at (LimitedError).
package access
