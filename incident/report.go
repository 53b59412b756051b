package incident

import "time"

// Report is what people are told about an incident at one moment: everything
// that a notification shows. It is scrubbed.
type Report struct {
	Signal         Signal     `json:"signal"`
	Status         Status     `json:"status"`
	Occurrences    int64      `json:"occurrences"`
	LastSeen       time.Time  `json:"last_seen"`
	AcknowledgedBy string     `json:"acknowledged_by,omitempty"`
	ResolvedBy     string     `json:"resolved_by,omitempty"`
	SnoozedBy      string     `json:"snoozed_by,omitempty"`
	SnoozedUntil   time.Time  `json:"snoozed_until,omitzero"`
	Failure        string     `json:"failure,omitempty"` // why the incident's workflow failed
	Verdict        *Verdict   `json:"verdict,omitempty"`
	Evidence       []Evidence `json:"evidence,omitempty"`
	WorkflowURL    string     `json:"workflow_url,omitempty"`
}

// AsEvidence is what the alert itself says and where it points: evidence that
// needs no tool. Ids are left to the caller.
func (s *Signal) AsEvidence() []Evidence {
	text := s.Title
	if s.Description != "" {
		text += "\n" + s.Description
	}
	found := []Evidence{{Tool: "alert", Title: "The alert itself", Text: text, At: s.Timestamp}}
	for _, l := range s.Links {
		found = append(found, Evidence{Tool: "links", Title: l.Title, Text: l.Title, URL: l.URL})
	}
	return found
}
