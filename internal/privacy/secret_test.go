package privacy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	type config struct {
		Name  string
		Token Secret
	}
	c := config{"x", Secret("hunter2")}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, c.Token), fmt.Sprintf(verb, &c.Token), fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c))
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "token", c.Token, "config", c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "token", c.Token, "config", c)
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	printed = append(printed, log.String(), string(encoded), fmt.Errorf("bad %w", fmt.Errorf("token %s", c.Token)).Error())
	for _, p := range printed {
		assert.NotContains(t, p, "hunter2")
		assert.NotContains(t, p, fmt.Sprintf("%x", "hunter2"))
	}
	assert.JSONEq(t, `{"Name":"x","Token":"[redacted]"}`, string(encoded))
}

func TestSecretRevealsAndMatches(t *testing.T) {
	t.Parallel()
	var s Secret
	require.NoError(t, json.Unmarshal([]byte(`"hunter2"`), &s))
	assert.Equal(t, "hunter2", s.Reveal())
	assert.True(t, s.Matches("hunter2"))
	assert.False(t, s.Matches("hunter"))
	assert.False(t, s.Matches(""))
	assert.False(t, Secret("").Matches(""), "an unset secret matches nothing")
}
