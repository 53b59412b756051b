package privacy

import (
	"errors"
	"fmt"
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// Metadata of an encrypted payload, in the clear. The names are those of
// Temporal's own encryption samples, so that its tools recognise them.
const (
	encodingEncrypted = "binary/encrypted"
	metadataKeyID     = "encryption-key-id"
)

// payloadCodec encrypts whole payloads, their metadata included.
type payloadCodec struct {
	keys *Keyset
	pack packer
}

// NewPayloadCodec makes the codec for client.Options.DataConverter: zstd, then
// AES-256-GCM. A payload that another codec encoded, or none, passes Decode
// unchanged; one whose key id the keyset does not hold is an error that names
// the id. Nothing ties a payload to its workflow, because Temporal UI sends
// payloads alone.
func NewPayloadCodec(k *Keyset) (converter.PayloadCodec, error) {
	if k == nil {
		return nil, errors.New("privacy: a payload codec needs a keyset")
	}
	pack, err := newPacker()
	if err != nil {
		return nil, err
	}
	return &payloadCodec{keys: k, pack: pack}, nil
}

// NewDataConverter is the SDK's data converter behind NewPayloadCodec.
func NewDataConverter(k *Keyset) (converter.DataConverter, error) {
	codec, err := NewPayloadCodec(k)
	if err != nil {
		return nil, err
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec), nil
}

// NewFailureConverter encrypts the messages and stack traces of errors, which a
// codec alone leaves in the clear. An error's type stays readable: retry
// policies match it, so it must be a constant and never hold content.
func NewFailureConverter(dc converter.DataConverter) converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          dc,
		EncodeCommonAttributes: true,
	})
}

// Encode implements converter.PayloadCodec.
func (c *payloadCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	id := strconv.FormatUint(uint64(c.keys.primary), 10)
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("privacy: marshal payload %d: %w", i, err)
		}
		packed, err := c.pack.pack(plain)
		if err != nil {
			return nil, fmt.Errorf("privacy: compress payload %d: %w", i, err)
		}
		sealed, err := c.keys.cipher.Encrypt(packed, payloadContext(id))
		if err != nil {
			return nil, fmt.Errorf("privacy: encrypt payload %d: %w", i, err)
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{
				converter.MetadataEncoding: []byte(encodingEncrypted),
				metadataKeyID:              []byte(id),
			},
			Data: sealed,
		}
	}
	return encoded, nil
}

// Decode implements converter.PayloadCodec.
func (c *payloadCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingEncrypted {
			decoded[i] = p
			continue
		}
		plain, err := c.open(p)
		if err != nil {
			return nil, fmt.Errorf("privacy: decode payload %d: %w", i, err)
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, decoded[i]); err != nil {
			return nil, fmt.Errorf("privacy: unmarshal payload %d: %w", i, err)
		}
	}
	return decoded, nil
}

func (c *payloadCodec) open(p *commonpb.Payload) ([]byte, error) {
	id := string(p.GetMetadata()[metadataKeyID])
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return nil, errors.New("its key id is missing or not a number")
	}
	if !c.keys.ids[n] {
		return nil, fmt.Errorf("it is encrypted with key %d, which the keyset does not hold", n)
	}
	packed, err := c.keys.cipher.Decrypt(p.GetData(), payloadContext(id))
	if err != nil {
		return nil, fmt.Errorf("it was changed, or key %s is another key: %w", id, err)
	}
	return c.pack.unpack(packed)
}

// payloadContext binds a ciphertext to its metadata, so that it cannot pass as
// another format or key, nor a sealed body as a payload.
func payloadContext(keyID string) []byte {
	return []byte("nerve/payload/1/" + encodingEncrypted + "/" + keyID)
}

// String names the codec without its keys.
func (c *payloadCodec) String() string { return "payload codec with " + c.keys.String() }

// GoString names the codec under %#v.
func (c *payloadCodec) GoString() string { return c.String() }

// Format names the codec under every verb.
func (c *payloadCodec) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }
