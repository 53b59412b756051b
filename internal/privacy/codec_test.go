package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"google.golang.org/protobuf/proto"
)

type note struct{ Text string }

func newTestConverter(t *testing.T, k *Keyset) converter.DataConverter {
	t.Helper()
	dc, err := NewDataConverter(k)
	require.NoError(t, err)
	return dc
}

func TestDataConverterEncryptsPayloadAndMetadata(t *testing.T) {
	t.Parallel()
	k := newTestKeyset(t)
	dc := newTestConverter(t, k)
	payloads, err := dc.ToPayloads(note{"planted"}, "planted too", nil)
	require.NoError(t, err)
	wire, err := proto.Marshal(payloads)
	require.NoError(t, err)
	assert.NotContains(t, string(wire), "planted")
	assert.NotContains(t, string(wire), "json/plain")
	first := payloads.GetPayloads()[0]
	assert.Equal(t, "binary/encrypted", string(first.GetMetadata()["encoding"]))
	assert.Equal(t, fmt.Sprint(k.PrimaryKeyID()), string(first.GetMetadata()["encryption-key-id"]))

	var n note
	var s string
	var none *note
	require.NoError(t, dc.FromPayloads(payloads, &n, &s, &none))
	assert.Equal(t, "planted", n.Text)
	assert.Equal(t, "planted too", s)
	assert.Nil(t, none)
}

func TestCodecChangesNothingOfItsInput(t *testing.T) {
	t.Parallel()
	codec, err := NewPayloadCodec(newTestKeyset(t))
	require.NoError(t, err)
	in := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"x"`)}
	was := proto.Clone(in)
	out, err := codec.Encode([]*commonpb.Payload{in})
	require.NoError(t, err)
	assert.True(t, proto.Equal(was, in))

	// What another codec encoded, or none, passes.
	back, err := codec.Decode([]*commonpb.Payload{in, out[0], {}})
	require.NoError(t, err)
	assert.True(t, proto.Equal(in, back[0]))
	assert.True(t, proto.Equal(in, back[1]))
	assert.True(t, proto.Equal(&commonpb.Payload{}, back[2]))
}

func TestCodecReadsOldKeysAfterRotation(t *testing.T) {
	t.Parallel()
	old := newTestKeyset(t)
	payload, err := newTestConverter(t, old).ToPayload(note{"before"})
	require.NoError(t, err)
	next, err := old.Rotate()
	require.NoError(t, err)
	dc := newTestConverter(t, next)
	var n note
	require.NoError(t, dc.FromPayload(payload, &n))
	assert.Equal(t, "before", n.Text)

	payload, err = dc.ToPayload(note{"after"})
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(next.PrimaryKeyID()), string(payload.GetMetadata()["encryption-key-id"]))
	require.ErrorContains(t, newTestConverter(t, old).FromPayload(payload, &n),
		fmt.Sprintf("key %d, which the keyset does not hold", next.PrimaryKeyID()))
}

func TestCodecRefusesADisabledKey(t *testing.T) {
	t.Parallel()
	old := newTestKeyset(t)
	payload, err := newTestConverter(t, old).ToPayload(note{"before"})
	require.NoError(t, err)
	next, err := old.Rotate()
	require.NoError(t, err)
	exported, err := next.Export()
	require.NoError(t, err)
	var form map[string]any
	decoder := json.NewDecoder(bytes.NewReader(exported))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&form))
	keys, ok := form["key"].([]any)
	require.True(t, ok)
	first, ok := keys[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, fmt.Sprint(old.PrimaryKeyID()), fmt.Sprint(first["keyId"]))
	first["status"] = "DISABLED"
	edited, err := json.Marshal(form)
	require.NoError(t, err)

	k, err := ParseKeyset(edited)
	require.NoError(t, err)
	var n note
	require.ErrorContains(t, newTestConverter(t, k).FromPayload(payload, &n), "which the keyset does not hold")
}

func TestCodecRefusesWhatWasChanged(t *testing.T) {
	t.Parallel()
	old := newTestKeyset(t)
	k, err := old.Rotate()
	require.NoError(t, err)
	codec, err := NewPayloadCodec(k)
	require.NoError(t, err)
	encode := func() *commonpb.Payload {
		out, err := codec.Encode([]*commonpb.Payload{{Data: []byte("x")}})
		require.NoError(t, err)
		return out[0]
	}
	for name, change := range map[string]func(*commonpb.Payload){
		"data":           func(p *commonpb.Payload) { p.Data[len(p.GetData())-1] ^= 1 },
		"no data":        func(p *commonpb.Payload) { p.Data = nil },
		"another key id": func(p *commonpb.Payload) { p.Metadata[metadataKeyID] = []byte(fmt.Sprint(old.PrimaryKeyID())) },
		"no key id":      func(p *commonpb.Payload) { delete(p.Metadata, metadataKeyID) },
		"huge key id":    func(p *commonpb.Payload) { p.Metadata[metadataKeyID] = []byte("99999999999") },
	} {
		p := encode()
		change(p)
		_, err := codec.Decode([]*commonpb.Payload{p})
		require.Error(t, err, name)
	}

	// A sealed body with the same key is no payload.
	s, err := NewSealer(k)
	require.NoError(t, err)
	p := encode()
	p.Data, err = s.Seal([]byte("x"), nil)
	require.NoError(t, err)
	_, err = codec.Decode([]*commonpb.Payload{p})
	require.Error(t, err)
	_, err = NewPayloadCodec(nil)
	require.Error(t, err)
}

func TestCodecRefusesABomb(t *testing.T) {
	t.Parallel()
	k := newTestKeyset(t)
	c, err := NewPayloadCodec(k)
	require.NoError(t, err)
	codec, ok := c.(*payloadCodec)
	require.True(t, ok)
	id := fmt.Sprint(k.PrimaryKeyID())
	data, err := k.cipher.Encrypt(codec.pack.encoder.EncodeAll(make([]byte, 8*MaxSealed), nil), payloadContext(id))
	require.NoError(t, err)
	_, err = codec.Decode([]*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte(encodingEncrypted), metadataKeyID: []byte(id)}, Data: data,
	}})
	require.ErrorIs(t, err, ErrTooLarge)
}

// A codec alone leaves these in the clear.
func TestFailureConverterHidesMessagesAndStacks(t *testing.T) {
	t.Parallel()
	fc := NewFailureConverter(newTestConverter(t, newTestKeyset(t)))
	root := errors.New("planted root")
	middle := temporal.NewApplicationErrorWithOptions("planted middle", "SlackRefused",
		temporal.ApplicationErrorOptions{Cause: root, Details: []any{"planted detail"}})
	top := temporal.NewNonRetryableApplicationError("planted top", "Invalid", middle)

	failure := fc.ErrorToFailure(top)
	wire, err := proto.Marshal(failure)
	require.NoError(t, err)
	assert.NotContains(t, string(wire), "planted")

	var app *temporal.ApplicationError
	require.ErrorAs(t, fc.FailureToError(failure), &app)
	assert.Equal(t, "Invalid", app.Type())
	assert.True(t, app.NonRetryable())
	assert.Contains(t, app.Error(), "planted top")
	var cause *temporal.ApplicationError
	require.ErrorAs(t, errors.Unwrap(app), &cause)
	assert.Equal(t, "SlackRefused", cause.Type())
	var detail string
	require.NoError(t, cause.Details(&detail))
	assert.Equal(t, "planted detail", detail)
	assert.Contains(t, errors.Unwrap(cause).Error(), "planted root")
}

// The SDK adds the stack of a panic by itself.
func TestFailureConverterHidesAPanic(t *testing.T) {
	t.Parallel()
	dc := newTestConverter(t, newTestKeyset(t))
	fc := NewFailureConverter(dc)
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetDataConverter(dc)
	env.SetFailureConverter(fc)
	plantedPanic := func(context.Context) error { panic("planted panic") }
	env.RegisterActivityWithOptions(plantedPanic, activity.RegisterOptions{Name: "Panic"})

	_, err := env.ExecuteActivity("Panic")
	var panicked *temporal.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Equal(t, "planted panic", panicked.Error())
	assert.Contains(t, panicked.StackTrace(), "codec_test.go")

	wire, err := proto.Marshal(fc.ErrorToFailure(panicked))
	require.NoError(t, err)
	assert.NotContains(t, string(wire), "planted")
	assert.NotContains(t, string(wire), "codec_test.go")
}
