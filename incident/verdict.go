package incident

import "time"

// Evidence is what one tool returned for an incident, scrubbed.
type Evidence struct {
	ID    string    `json:"id"`   // "E1", unique within the incident
	Tool  string    `json:"tool"` // which evidence tool found it
	Title string    `json:"title"`
	Text  string    `json:"text"`
	URL   string    `json:"url,omitempty"`
	At    time.Time `json:"at"` // when it was true; zero when it has no time
	// Failed is true when the tool could not look: Text then says why. That is
	// a fact for the verdict, not a reason to stop.
	Failed bool `json:"failed,omitempty"`
}

// Confidence is how sure a verdict is.
type Confidence string

const (
	ConfidenceHigh   Confidence = "high"
	ConfidenceMedium Confidence = "medium"
	ConfidenceLow    Confidence = "low"
)

// Inconclusive is the likely cause of a verdict that found none.
const Inconclusive = "inconclusive"

// Analysts that can make a verdict.
const (
	AnalystRules = "rules"
	AnalystModel = "model"
)

// Verdict is the structured result of an analysis.
type Verdict struct {
	Summary     string     `json:"summary"` // what happened, one or two sentences
	Claims      []Claim    `json:"claims"`
	LikelyCause string     `json:"likely_cause"` // or Inconclusive
	Confidence  Confidence `json:"confidence"`
	NextSteps   []string   `json:"next_steps"`
	Analyst     string     `json:"analyst"` // AnalystRules or AnalystModel
}

// Claim is one statement of a verdict and the evidence for it.
type Claim struct {
	Text     string   `json:"text"`
	Evidence []string `json:"evidence"` // Evidence.ID values; never empty
}

// KeepCited drops citations of evidence that does not exist, and then claims
// that cite nothing.
func (v *Verdict) KeepCited(evidence []Evidence) {
	known := make(map[string]bool, len(evidence))
	for _, e := range evidence {
		known[e.ID] = true
	}
	var claims []Claim
	for _, c := range v.Claims {
		var cited []string
		for _, id := range c.Evidence {
			if known[id] {
				cited = append(cited, id)
			}
		}
		if len(cited) > 0 {
			claims = append(claims, Claim{Text: c.Text, Evidence: cited})
		}
	}
	v.Claims = claims
}
