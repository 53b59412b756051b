package privacy

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/klauspost/compress/zstd"
)

// MaxSealed is the most that Seal takes and Open gives, in bytes: eight times
// the largest request body.
const MaxSealed = 8 << 20

// ErrTooLarge says that bytes are, or decompress to, more than MaxSealed.
var ErrTooLarge = fmt.Errorf("privacy: more than %d bytes", MaxSealed)

// Sealer compresses with zstd and then encrypts, for what must rest or travel
// as it was received. It is safe for concurrent use.
type Sealer struct {
	keys *Keyset
	pack packer
}

// NewSealer makes a Sealer that encrypts with the keyset's primary key.
func NewSealer(k *Keyset) (*Sealer, error) {
	if k == nil {
		return nil, errors.New("privacy: a sealer needs a keyset")
	}
	pack, err := newPacker()
	if err != nil {
		return nil, err
	}
	return &Sealer{keys: k, pack: pack}, nil
}

// Seal encrypts plaintext. Open needs the same associated data, which binds the
// result to its place (contract.SealContext) and is not part of it. It returns
// ErrTooLarge for what Open would refuse.
func (s *Sealer) Seal(plaintext, associated []byte) ([]byte, error) {
	packed, err := s.pack.pack(plaintext)
	if err != nil {
		return nil, err
	}
	sealed, err := s.keys.cipher.Encrypt(packed, associated)
	if err != nil {
		return nil, fmt.Errorf("privacy: seal: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal returned. It fails when the bytes or the associated
// data were changed, and when the keyset has no key that fits.
func (s *Sealer) Open(sealed, associated []byte) ([]byte, error) {
	packed, err := s.keys.cipher.Decrypt(sealed, associated)
	if err != nil {
		return nil, fmt.Errorf("privacy: open: %w", err)
	}
	return s.pack.unpack(packed)
}

// String names the sealer without its keys.
func (s *Sealer) String() string { return "sealer with " + s.keys.String() }

// GoString names the sealer under %#v.
func (s *Sealer) GoString() string { return s.String() }

// Format names the sealer under every verb.
func (s *Sealer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue names the sealer in slog.
func (s *Sealer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// packer compresses, and decompresses no more than MaxSealed bytes.
type packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newPacker() (packer, error) {
	// Alerts are small: the fastest level and a 1 MiB window keep an encoder's
	// memory low, and one per processor is enough for EncodeAll.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return packer{}, fmt.Errorf("privacy: set up compression: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxSealed), zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true))
	if err != nil {
		return packer{}, fmt.Errorf("privacy: set up decompression: %w", err)
	}
	return packer{encoder, decoder}, nil
}

func (p packer) pack(plain []byte) ([]byte, error) {
	if len(plain) > MaxSealed {
		return nil, ErrTooLarge
	}
	return p.encoder.EncodeAll(plain, nil), nil
}

func (p packer) unpack(packed []byte) ([]byte, error) {
	plain, err := p.decoder.DecodeAll(packed, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, ErrTooLarge
	case err != nil:
		return nil, fmt.Errorf("privacy: decompress: %w", err)
	}
	return plain, nil
}
