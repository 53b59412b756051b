package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

func newTestKeyset(t testing.TB) *Keyset {
	t.Helper()
	k, err := GenerateKeyset()
	require.NoError(t, err)
	return k
}

func TestKeysetRoundTrip(t *testing.T) {
	t.Parallel()
	k := newTestKeyset(t)
	exported, err := k.Export()
	require.NoError(t, err)
	parsed, err := ParseKeyset(exported)
	require.NoError(t, err)
	assert.Equal(t, k.PrimaryKeyID(), parsed.PrimaryKeyID())

	sealer, err := NewSealer(k)
	require.NoError(t, err)
	sealed, err := sealer.Seal([]byte("body"), nil)
	require.NoError(t, err)
	reader, err := NewSealer(parsed)
	require.NoError(t, err)
	opened, err := reader.Open(sealed, nil)
	require.NoError(t, err)
	assert.Equal(t, "body", string(opened))
}

func TestParseKeysetRefuses(t *testing.T) {
	t.Parallel()
	from := func(template *tinkpb.KeyTemplate) []byte {
		handle, err := keyset.NewHandle(template)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)))
		return out.Bytes()
	}
	good, err := newTestKeyset(t).Export()
	require.NoError(t, err)
	for want, data := range map[string][]byte{
		"not Tink JSON":           []byte("hunter2"),
		"is encrypted":            []byte(`{"encryptedKeyset":"aGVsbG8="}`),
		"has no keys":             []byte(`{"primaryKeyId":1,"key":[]}`),
		"cannot be read":          []byte(`{"primaryKeyId":1,"key":[{"keyId":"x"}]}`),
		"not AES-256-GCM":         from(mac.HMACSHA256Tag256KeyTemplate()),
		"is not AES-256-GCM with": from(aead.AES128GCMKeyTemplate()),
		"AES-256-GCM with a Tink": from(aead.AES256GCMNoPrefixKeyTemplate()),
		"is it a complete Tink":   bytes.ReplaceAll(good, []byte("ENABLED"), []byte("DISABLED")),
		"template AES256_GCM":     from(aead.ChaCha20Poly1305KeyTemplate()),
		"privacy: the keyset":     nil,
	} {
		_, err := ParseKeyset(data)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestRotateKeepsTheOldKey(t *testing.T) {
	t.Parallel()
	old := newTestKeyset(t)
	oldSealer, err := NewSealer(old)
	require.NoError(t, err)
	sealed, err := oldSealer.Seal([]byte("before"), []byte("ctx"))
	require.NoError(t, err)

	next, err := old.Rotate()
	require.NoError(t, err)
	assert.NotEqual(t, old.PrimaryKeyID(), next.PrimaryKeyID())
	nextSealer, err := NewSealer(next)
	require.NoError(t, err)
	opened, err := nextSealer.Open(sealed, []byte("ctx"))
	require.NoError(t, err)
	assert.Equal(t, "before", string(opened))

	sealed, err = nextSealer.Seal([]byte("after"), []byte("ctx"))
	require.NoError(t, err)
	_, err = oldSealer.Open(sealed, []byte("ctx"))
	require.Error(t, err, "the old keyset has not changed")
}

func TestKeysAreNeverPrinted(t *testing.T) {
	t.Parallel()
	k := newTestKeyset(t)
	exported, err := k.Export()
	require.NoError(t, err)
	var form struct {
		Key []struct {
			KeyData struct{ Value string }
		}
	}
	require.NoError(t, json.Unmarshal(exported, &form))
	material := form.Key[0].KeyData.Value
	require.NotEmpty(t, material)

	sealer, err := NewSealer(k)
	require.NoError(t, err)
	codec, err := NewPayloadCodec(k)
	require.NoError(t, err)
	var out strings.Builder
	for _, v := range []any{k, sealer, codec} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
	}
	encoded, err := json.Marshal(k)
	require.NoError(t, err)
	out.Write(encoded)
	assert.NotContains(t, out.String(), material)
	assert.NotContains(t, out.String(), "0x", "no inner structure shows")
	assert.Contains(t, out.String(), redacted)
}

func TestSealBindsItsContext(t *testing.T) {
	t.Parallel()
	s, err := NewSealer(newTestKeyset(t))
	require.NoError(t, err)
	sealed, err := s.Seal([]byte("body"), []byte("nerve/delivery/a/1"))
	require.NoError(t, err)
	assert.NotContains(t, string(sealed), "body")

	_, err = s.Open(sealed, []byte("nerve/delivery/a/2"))
	require.Error(t, err)
	sealed[len(sealed)-1] ^= 1
	_, err = s.Open(sealed, []byte("nerve/delivery/a/1"))
	require.Error(t, err)
	_, err = s.Open(nil, nil)
	require.Error(t, err)
	_, err = NewSealer(nil)
	require.Error(t, err)

	empty, err := s.Seal(nil, nil)
	require.NoError(t, err)
	opened, err := s.Open(empty, nil)
	require.NoError(t, err)
	assert.Empty(t, opened)
}

func TestOpenRefusesABomb(t *testing.T) {
	t.Parallel()
	k := newTestKeyset(t)
	s, err := NewSealer(k)
	require.NoError(t, err)

	most := make([]byte, MaxSealed)
	sealed, err := s.Seal(most, nil)
	require.NoError(t, err)
	assert.Less(t, len(sealed), 64<<10, "it compresses")
	opened, err := s.Open(sealed, nil)
	require.NoError(t, err)
	assert.Len(t, opened, MaxSealed)

	_, err = s.Seal(make([]byte, MaxSealed+1), nil)
	require.ErrorIs(t, err, ErrTooLarge)

	bomb, err := k.cipher.Encrypt(s.pack.encoder.EncodeAll(make([]byte, 8*MaxSealed), nil), nil)
	require.NoError(t, err)
	_, err = s.Open(bomb, nil)
	require.ErrorIs(t, err, ErrTooLarge)

	garbage, err := k.cipher.Encrypt([]byte("not zstd"), nil)
	require.NoError(t, err)
	_, err = s.Open(garbage, nil)
	require.ErrorContains(t, err, "decompress")
}

func BenchmarkSeal(b *testing.B) {
	s, err := NewSealer(newTestKeyset(b))
	require.NoError(b, err)
	body := []byte(alertText(2 << 10))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Seal(body, nil); err != nil {
			b.Fatal(err)
		}
	}
}
