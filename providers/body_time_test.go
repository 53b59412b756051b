package providers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2025, 10, 9, 11, 58, 7, 0, time.UTC)
	for _, text := range []string{
		"2025-10-09T11:58:07Z", "2025-10-09T13:58:07+02:00", "2025-10-09T11:58:07.000+0000", "2025-10-09 11:58:07",
		"2025-10-09 11:58:07.000000+00:00", "2025-10-09 17:28:07 +0530", "2025-10-09 11:58:07 UTC", "Thu Oct  9 11:58:07 UTC 2025",
		"10/9/2025 11:58:07 AM", "1760011087", "1760011087000", "1760011087000000", "1760011087000000000",
	} {
		at, ok := parseTime(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, at, text)
	}
	for _, text := range []string{
		"", "0", "-5", "soon", "0001-01-01T00:00:00Z", "2250-01-01T00:00:00Z", "Thu Oct  9 11:58:07 CST 2025", "13/13/2025 11:58:07 AM",
	} {
		_, ok := parseTime(text)
		assert.False(t, ok, text)
	}
}
