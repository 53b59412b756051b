// Package privacy keeps personal data and secrets inside the process.
//
// It has three jobs. The Scrubber replaces e-mail addresses, card numbers, phone
// numbers and secrets in text with tokens such as <EMAIL_4821>, before anything
// is handed to Temporal, a log or a model. The Sealer compresses and encrypts
// bytes that must rest as they were received. The payload codec and the failure
// converter encrypt what the Temporal SDK sends: a codec alone leaves error
// texts in the clear. CodecHandler decrypts for Temporal UI, behind a login.
//
// What it refuses to do: it keeps no table from token to value, so nobody can
// turn a token back; it guesses no names or addresses of people; and it leaves
// alone what an engineer needs (IP addresses, host names, hashes, UUIDs,
// timestamps, metric values).
//
// It fails closed. Text that does not settle is replaced as a whole, a keyset of
// another kind than AES-256-GCM is refused, and a codec endpoint without a
// token is refused unless it is restricted to loopback on purpose.
package privacy
