package privacy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/privacy"
)

// Half a card or a key is not recognised, so texts are cut after scrubbing.
func TestNothingIsCutInTwoBeforeItIsScrubbed(t *testing.T) {
	t.Parallel()
	scrubber, salt := privacy.NewScrubber(), privacy.NewSalt()
	card := strings.Repeat("4242", 4)
	for at := range 80 {
		s := incident.Signal{
			Title: strings.Repeat("a", at) + " " + card + " ok", TitleMax: 65,
			Tags:  map[string]string{"k": strings.Repeat("b ", 90+at) + card},
			Links: []incident.Link{{Title: strings.Repeat("c", at) + " " + card, URL: "https://example.com"}},
		}
		s.Normalise()
		scrubber.Signal(salt, &s)
		s.Bound()
		assert.NotContains(t, s.Title+s.Tags["k"]+s.Links[0].Title, "4242", "with %d characters before it", at)
		assert.LessOrEqual(t, len([]rune(s.Title)), 65)
		assert.LessOrEqual(t, len([]rune(s.Links[0].Title)), 80)
	}
}
