// Package output fetches what a task has made and keeps it in a blob store: a
// directory, S3 or GCS.
//
// An output is fetched only from the hosts that its source allows, through
// package outbound, so that no URL leads inside. It is bounded in size as it is
// kept, that is decompressed, and in type by what its bytes are as well as by
// what the server says they are. Where it is kept does not change: by source,
// task and SHA-256. So storing it twice is storing it once.
//
// While it is fetched an output lies in a temporary file, which is removed.
// Errors say whether another try can help and hold no URL: a signed URL is a
// secret.
package output
