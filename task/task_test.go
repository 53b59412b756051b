package task_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/task"
)

// TestNext is the whole machine: every state against every event.
func TestNext(t *testing.T) {
	t.Parallel()
	events := []task.State{task.Starting, task.Processing, task.Succeeded, task.Failed, task.Canceled, "", "unheard of"}
	moves := map[task.State]map[task.State]bool{ // what changes a state
		"":              {task.Starting: true, task.Processing: true, task.Succeeded: true, task.Failed: true, task.Canceled: true},
		task.Starting:   {task.Processing: true, task.Succeeded: true, task.Failed: true, task.Canceled: true},
		task.Processing: {task.Succeeded: true, task.Failed: true, task.Canceled: true},
		task.Succeeded:  {}, task.Failed: {}, task.Canceled: {},
	}
	for now, allowed := range moves {
		for _, event := range events {
			next, changed := now.Next(event)
			assert.Equal(t, allowed[event], changed, "%q then %q", now, event)
			if want := event; changed {
				assert.Equal(t, want, next, "%q then %q", now, event)
			} else {
				assert.Equal(t, now, next, "%q then %q", now, event)
			}
		}
	}
}

// TestOrderDoesNotMatter sends the same events in every order, some twice, up to
// and beyond the end: the task ends where its first end says.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, order := range [][]task.State{
		{task.Starting, task.Processing, task.Succeeded},
		{task.Processing, task.Starting, task.Processing, task.Succeeded},
		{task.Succeeded, task.Processing, task.Starting},
		{task.Succeeded, task.Succeeded, task.Failed, task.Canceled},
	} {
		var now task.State
		changes := 0
		for _, e := range order {
			next, changed := now.Next(e)
			if now = next; changed {
				changes++
			}
		}
		assert.Equal(t, task.Succeeded, now, order)
		assert.LessOrEqual(t, changes, 3, order)
	}
}

func TestStateOf(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]task.State{
		"starting": task.Starting, "queued": task.Starting, " Processing ": task.Processing, "SUCCEEDED": task.Succeeded,
		"failed": task.Failed, "aborted": task.Failed, "cancelled": task.Canceled, "canceled": task.Canceled,
	} {
		got, ok := task.StateOf(word)
		assert.True(t, ok, word)
		assert.Equal(t, want, got, word)
		assert.True(t, got.Valid())
	}
	_, ok := task.StateOf("paused")
	assert.False(t, ok)
	assert.False(t, task.State("").Valid())
	assert.False(t, task.Processing.Final())
	assert.True(t, task.Canceled.Final())
}

func TestRead(t *testing.T) {
	t.Parallel()
	long := "https://example.com/" + strings.Repeat("a", task.MaxURL)
	for name, tt := range map[string]struct {
		body string
		want task.Event
	}{
		"a URL": {
			`{"id":"t1","status":"succeeded","output":"https://example.com/out.png","error":null,"metrics":{"predict_time":12.3}}`,
			task.Event{ID: "t1", State: task.Succeeded, Output: "https://example.com/out.png", Outputs: 1, PredictSeconds: 12.3},
		},
		"the first of a list": {
			`{"id":"t1","status":"succeeded","output":["https://example.com/1.png","https://example.com/2.png"]}`,
			task.Event{ID: "t1", State: task.Succeeded, Output: "https://example.com/1.png", Outputs: 2},
		},
		"inline": {
			`{"id":"t1","status":"succeeded","output":"data:text/plain;base64,aGk="}`,
			task.Event{ID: "t1", State: task.Succeeded, Output: "data:text/plain;base64,aGk=", Outputs: 1},
		},
		"words cannot be fetched":  {`{"id":"t1","status":"succeeded","output":["Hello"," you"]}`, task.Event{ID: "t1", State: task.Succeeded, Outputs: 2}},
		"nor can an object":        {`{"id":"t1","status":"succeeded","output":{"a":1}}`, task.Event{ID: "t1", State: task.Succeeded}},
		"nor a list of them":       {`{"id":"t1","status":"succeeded","output":[{"a":1}]}`, task.Event{ID: "t1", State: task.Succeeded, Outputs: 1}},
		"nor another scheme":       {`{"id":"t1","status":"succeeded","output":"file:///etc/passwd"}`, task.Event{ID: "t1", State: task.Succeeded, Outputs: 1}},
		"nor what is too long":     {`{"id":"t1","status":"succeeded","output":"` + long + `"}`, task.Event{ID: "t1", State: task.Succeeded, Outputs: 1}},
		"an empty list":            {`{"id":"t1","status":"succeeded","output":[]}`, task.Event{ID: "t1", State: task.Succeeded}},
		"output before the end":    {`{"id":"t1","status":"processing","output":"https://example.com/1.png"}`, task.Event{ID: "t1", State: task.Processing}},
		"an error":                 {`{"id":"t1","status":"failed","error":"out of memory"}`, task.Event{ID: "t1", State: task.Failed, Error: "out of memory"}},
		"an error in an object":    {`{"id":"t1","status":"failed","error":{"message":"m"}}`, task.Event{ID: "t1", State: task.Failed, Error: "m"}},
		"a time that cannot be":    {`{"id":"t1","status":"failed","metrics":{"predict_time":-1}}`, task.Event{ID: "t1", State: task.Failed}},
		"a Standard Webhooks body": {`{"type":"task.done","timestamp":"x","data":{"id":"t1","status":"canceled"}}`, task.Event{ID: "t1", State: task.Canceled}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := task.Read([]byte(tt.body))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no JSON":         `id=1`,
		"a list":          `[]`,
		"no id":           `{"status":"failed"}`,
		"a long id":       `{"id":"` + strings.Repeat("a", task.MaxID+1) + `","status":"failed"}`,
		"an id of lines":  `{"id":"a\nb","status":"failed"}`,
		"no status":       `{"id":"t1"}`,
		"another status":  `{"id":"t1","status":"hush"}`,
		"a number for id": `{"id":1,"status":"failed"}`,
		"an odd envelope": `{"type":"t","data":7}`,
	} {
		_, err := task.Read([]byte(body))
		require.ErrorIs(t, err, task.ErrMalformed, name)
		assert.NotContains(t, err.Error(), "hush", "nothing of the body is quoted")
	}
}

func TestErrorsAreCutAtACharacter(t *testing.T) {
	t.Parallel()
	e, err := task.Read([]byte(`{"id":"t1","status":"failed","error":"` + strings.Repeat("ü", task.MaxError) + `"}`))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(e.Error), task.MaxError)
	assert.True(t, strings.HasSuffix(e.Error, "ü"))
}
