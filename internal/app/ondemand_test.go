package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/providers"
)

func TestOnDemandIsBuiltOnce(t *testing.T) {
	t.Parallel()
	built := 0
	p := onDemand(func() (providers.Spec, providers.Provider, error) {
		built++
		spec, _ := providers.Lookup("slack")
		made, err := spec.New(providers.Config{Secrets: providers.Secrets(strings.Repeat("s", 32))})
		return spec, made, err
	})
	assert.Zero(t, built, "nothing came yet")
	now := time.Now()
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"type":"url_verification","challenge":"abc"}`), ReceivedAt: now}
	p.Sign(r, now)
	got, err := providers.Accept(p, r)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(got.Handshake.Body), "handshakes are answered as well")
	question, err := providers.Fixture("slack", "question")
	require.NoError(t, err)
	batch, err := p.Parse(&providers.Request{Header: http.Header{}, Body: question})
	require.NoError(t, err)
	assert.Len(t, batch.Signals, 1)
	prober, ok := p.(providers.Prober)
	require.True(t, ok)
	assert.Nil(t, prober.Probe(r), "Slack makes none")
	assert.Equal(t, 1, built)
}

func TestOnDemandRefusesWhatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	p := onDemand(func() (providers.Spec, providers.Provider, error) {
		return providers.Spec{}, nil, errors.New("no secret")
	})
	r := &providers.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{}`)}
	p.Sign(r, time.Now())
	assert.Empty(t, r.Header)
	_, err := providers.Accept(p, r)
	require.ErrorContains(t, err, "no secret")
	_, err = p.Parse(r)
	require.Error(t, err)
	assert.Nil(t, p.(providers.Handshaker).Handshake(r))
	assert.Nil(t, p.(providers.Prober).Probe(r))
}
