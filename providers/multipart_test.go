package providers_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/providers"
)

func TestMultipartForm(t *testing.T) {
	t.Parallel()
	spec, ok := providers.Lookup("uptimekuma")
	require.True(t, ok)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	file, err := w.CreateFormFile("data", "not-read.json")
	require.NoError(t, err)
	_, err = file.Write([]byte(`{"msg": "from a file"}`))
	require.NoError(t, err)
	require.NoError(t, w.WriteField("data", string(fixture(t, spec, "down"))))
	require.NoError(t, w.Close())

	read := func(body []byte) (providers.Accepted, error) {
		r := signed(t, spec, secret(1), body, receivedAt)
		r.Header.Set("Content-Type", w.FormDataContentType())
		return providers.Accept(build(t, spec, secret(1)), r)
	}
	accepted, err := read(body.Bytes())
	require.NoError(t, err)
	require.Len(t, accepted.Batch.Signals, 1)
	assert.Equal(t, "Shop is down", accepted.Batch.Signals[0].Title)
	assert.Equal(t, incident.StatusFiring, accepted.Batch.Signals[0].Status)

	_, err = read(body.Bytes()[:body.Len()/2])
	require.ErrorIs(t, err, providers.ErrMalformed)
	_, err = read([]byte(strings.Repeat("--"+w.Boundary()+"\r\n", 1000)))
	require.ErrorIs(t, err, providers.ErrMalformed)
}
