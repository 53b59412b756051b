package output

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file:
	_ "gocloud.dev/blob/gcsblob"  // gs:
	_ "gocloud.dev/blob/s3blob"   // s3:
	"gocloud.dev/gcerrors"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Options of a Store.
type Options struct {
	// URL is where outputs are kept: file:///path, s3://bucket?region=… or
	// gs://bucket, as gocloud.dev reads it.
	URL string
	// Transport fetches outputs. It has to be guarded: see outbound.NewTransport.
	Transport http.RoundTripper
	// AllowHTTP also fetches from http URLs.
	AllowHTTP bool
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// Store keeps outputs. It is safe for concurrent use.
type Store struct {
	bucket    *blob.Bucket
	transport http.RoundTripper
	allowHTTP bool
	now       func() time.Time
}

// Open opens the blob store. It does not call it yet, except that a directory is made.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Transport == nil {
		return nil, errors.New("output: a guarded transport is needed")
	}
	bucket, err := blob.OpenBucket(ctx, complete(o.URL))
	if err != nil {
		return nil, fmt.Errorf("output: open the blob store: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{bucket: bucket, transport: o.Transport, allowHTTP: o.AllowHTTP, now: o.Now}, nil
}

// complete gives a directory what every use here needs: it is made when it is
// missing, and a file is written beside its place, so that it can be moved there
// whatever else is mounted where.
func complete(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "file" {
		return raw
	}
	q := u.Query()
	for _, option := range []string{"create_dir", "no_tmp_dir"} {
		if !q.Has(option) {
			q.Set(option, "true")
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Close lets go of the store.
func (s *Store) Close() error { return s.bucket.Close() }

// Keep fetches an output and stores it. One that is there already is not stored
// again. Its errors are *Error or *outbound.Error.
func (s *Store) Keep(ctx context.Context, q contract.OutputQuery) (contract.TaskOutput, error) {
	began := s.now()
	f, err := s.fetch(ctx, q)
	if err != nil {
		return contract.TaskOutput{}, err
	}
	defer f.remove()
	fetched := s.now()
	out := contract.TaskOutput{
		Key:         "tasks/" + q.Source + "/" + q.Name + "/" + f.sum + extensions[f.contentType],
		ContentType: f.contentType, Size: f.size, SHA256: f.sum, DownloadMS: ms(fetched.Sub(began)),
		Inline: len(q.Output) > 5 && q.Output[:5] == "data:",
	}
	if err := s.upload(ctx, f, out); err != nil {
		return contract.TaskOutput{}, err
	}
	out.UploadMS = ms(s.now().Sub(fetched))
	return out, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// fetched is an output in a temporary file.
type fetched struct {
	file        *os.File
	size        int64
	sum         string
	contentType string
}

func (f *fetched) remove() {
	_ = f.file.Close()
	_ = os.Remove(f.file.Name()) //nolint:gosec // the name is our own
}

// maxHead is how much of an output its type is told from.
const maxHead = 512

func (s *Store) fetch(ctx context.Context, q contract.OutputQuery) (_ *fetched, err error) {
	body, declared, err := s.open(ctx, q.Output, q.Policy)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	bounded := &atMost{body, q.Policy.MaxBytes}
	head := make([]byte, maxHead)
	n, err := io.ReadFull(bounded, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, broken(ctx, err)
	}
	f := &fetched{}
	// The type is known before the rest is read.
	if f.contentType, err = typeOf(head[:n], declared, q.Policy.Types); err != nil {
		return nil, err
	}
	if f.file, err = os.CreateTemp("", "nerve-output-*"); err != nil {
		return nil, &Error{Name: "disk", Text: "there is no room for a temporary file", Retry: true}
	}
	defer func() {
		if err != nil {
			f.remove()
		}
	}()
	hash := sha256.New()
	f.size, err = io.Copy(io.MultiWriter(f.file, hash), io.MultiReader(bytes.NewReader(head[:n]), bounded))
	if err != nil {
		return nil, broken(ctx, err)
	}
	if f.size == 0 {
		return nil, &Error{Name: "no_output", Text: "the output is empty"}
	}
	f.sum = hex.EncodeToString(hash.Sum(nil))
	return f, nil
}

// broken is an output that did not come to its end.
func broken(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errLarge):
		return tooLarge()
	case ctx.Err() != nil:
		return &Error{Name: "timeout", Text: "the output did not come in time", Retry: true}
	}
	return &Error{Name: "read", Text: "the output did not come to its end", Retry: true}
}

func (s *Store) upload(ctx context.Context, f *fetched, out contract.TaskOutput) error {
	there, err := s.bucket.Attributes(ctx, out.Key)
	if err == nil && there.Size == out.Size {
		return nil
	}
	if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return unkept(err)
	}
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return &Error{Name: "disk", Text: "the temporary file cannot be read", Retry: true}
	}
	// A writer whose context ends leaves nothing behind.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, out.Key, &blob.WriterOptions{ContentType: out.ContentType, DisableContentTypeDetection: true})
	if err != nil {
		return unkept(err)
	}
	if _, err := io.Copy(w, f.file); err != nil {
		cancel()
		_ = w.Close() // it fails because of the context
		return unkept(err)
	}
	if err := w.Close(); err != nil {
		return unkept(err)
	}
	return nil
}

// unkept is a failure of the blob store: its code only, because a store's own
// text may hold a signed request.
func unkept(err error) error {
	return &Error{Name: "store", Text: "the blob store failed: " + gcerrors.Code(err).String(), Retry: true}
}

// Remove takes an output out of the store. One that is not there is removed.
func (s *Store) Remove(ctx context.Context, key string) error {
	err := s.bucket.Delete(ctx, key)
	if err == nil || gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return unkept(err)
}
