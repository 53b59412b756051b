package privacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keySize is that of AES-256, in bytes.
const keySize = 32

// Keyset holds AES-256-GCM keys. The primary one encrypts; every enabled one
// decrypts what carries its id. A Keyset never changes: Rotate makes another.
type Keyset struct {
	handle  *keyset.Handle
	cipher  tink.AEAD
	primary uint32
	ids     map[uint64]bool // enabled keys
}

// GenerateKeyset makes a keyset of one new key.
func GenerateKeyset() (*Keyset, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("privacy: generate a keyset: %w", err)
	}
	return newKeyset(handle)
}

// ParseKeyset reads what Export wrote, or `tinkey create-keyset --key-template
// AES256_GCM`: Tink's JSON, in the clear. It refuses an encrypted keyset, and
// any key that is not AES-256-GCM with Tink's key id prefix.
func ParseKeyset(data []byte) (*Keyset, error) {
	var form struct {
		Key       []json.RawMessage `json:"key"`
		Encrypted string            `json:"encryptedKeyset"`
	}
	// The causes are left out of the errors: they may quote key material.
	switch err := json.Unmarshal(data, &form); {
	case err != nil:
		return nil, errors.New("privacy: the keyset is not Tink JSON")
	case form.Encrypted != "":
		return nil, errors.New("privacy: the keyset is encrypted: one in the clear is needed")
	case len(form.Key) == 0:
		return nil, errors.New("privacy: the keyset has no keys")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, errors.New("privacy: the keyset cannot be read: is it a complete Tink keyset with an enabled primary key?")
	}
	return newKeyset(handle)
}

// newKeyset checks every enabled key of a handle.
func newKeyset(handle *keyset.Handle) (*Keyset, error) {
	primary, err := handle.Primary()
	if err != nil {
		return nil, errors.New("privacy: the keyset has no enabled primary key")
	}
	k := &Keyset{handle: handle, primary: primary.KeyID(), ids: map[uint64]bool{}}
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("privacy: read key %d of the keyset: %w", i+1, err)
		}
		params, ok := entry.Key().Parameters().(*aesgcm.Parameters)
		if !ok || params.KeySizeInBytes() != keySize || params.Variant() != aesgcm.VariantTink {
			return nil, fmt.Errorf("privacy: key %d of the keyset is not AES-256-GCM with a Tink prefix (template AES256_GCM)", entry.KeyID())
		}
		if entry.KeyStatus() == keyset.Enabled {
			k.ids[uint64(entry.KeyID())] = true
		}
	}
	if k.cipher, err = aead.New(handle); err != nil {
		return nil, errors.New("privacy: the keyset does not encrypt (AEAD)")
	}
	return k, nil
}

// PrimaryKeyID returns the id of the key that encrypts.
func (k *Keyset) PrimaryKeyID() uint32 { return k.primary }

// Rotate returns a keyset with a new primary key that still decrypts what the
// old keys encrypted.
func (k *Keyset) Rotate() (*Keyset, error) {
	manager := keyset.NewManagerFromHandle(k.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("privacy: add a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("privacy: make key %d primary: %w", id, err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("privacy: rotate the keyset: %w", err)
	}
	return newKeyset(handle)
}

// Export returns the keyset as Tink JSON in the clear, to be kept in a secret
// store. It is the only way that key material leaves a Keyset.
func (k *Keyset) Export() ([]byte, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, errors.New("privacy: the keyset cannot be written")
	}
	return out.Bytes(), nil
}

// String names the keyset without its keys.
func (k *Keyset) String() string {
	return fmt.Sprintf("keyset %d (keys: %d) %s", k.primary, len(k.ids), redacted)
}

// GoString names the keyset under %#v.
func (k *Keyset) GoString() string { return k.String() }

// Format names the keyset under every verb.
func (k *Keyset) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue names the keyset in slog.
func (k *Keyset) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText names the keyset in JSON; Export writes the keys.
func (k *Keyset) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
