package credits

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/task"
)

// Types of the messages.
const (
	TypeSettle  = "credits.settle"
	TypeReverse = "credits.reverse"
)

// data is the data of a message.
type data struct {
	TaskID         string     `json:"task_id"`
	Source         string     `json:"source"`
	State          task.State `json:"state"`
	Failure        string     `json:"failure,omitempty"`
	PredictSeconds float64    `json:"predict_seconds,omitempty"`
	OutputKey      string     `json:"output_key,omitempty"`
	OutputBytes    int64      `json:"output_bytes,omitempty"`
	OutputSHA256   string     `json:"output_sha256,omitempty"`
}

// Client tells one billing system.
type Client struct {
	poster *outbound.Poster
	url    string
	key    outbound.Key
}

// New returns a Client. now may be nil.
func New(t http.RoundTripper, url string, key outbound.Key, now func() time.Time) (*Client, error) {
	if url == "" || t == nil {
		return nil, errors.New("credits: an address and a transport are needed")
	}
	return &Client{poster: outbound.NewPoster(t, now), url: url, key: key}, nil
}

// Settle confirms the reserved credits of a task that succeeded.
func (c *Client) Settle(ctx context.Context, call contract.Charge) error { return c.tell(ctx, TypeSettle, call) }

// Reverse gives the reserved credits of a task that did not succeed back.
func (c *Client) Reverse(ctx context.Context, call contract.Charge) error {
	return c.tell(ctx, TypeReverse, call)
}

func (c *Client) tell(ctx context.Context, what string, call contract.Charge) error {
	d := data{TaskID: call.TaskID, Source: call.Source, State: call.State, Failure: call.Failure, PredictSeconds: call.PredictSeconds}
	if o := call.Output; o != nil {
		d.OutputKey, d.OutputBytes, d.OutputSHA256 = o.Key, o.Size, o.SHA256
	}
	body, err := json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      data      `json:"data"`
	}{what, call.At.UTC(), d})
	if err != nil {
		return fmt.Errorf("credits: encode: %w", err)
	}
	return c.poster.Post(ctx, "tell the billing system", outbound.Message{URL: c.url, Key: c.key, ID: MessageID(what, call.WorkflowID), Body: body})
}

// MessageID is the id of a message, the same on every attempt.
func MessageID(what, workflowID string) string {
	sum := sha256.Sum256([]byte("nerve/" + what + "/" + workflowID))
	return "msg_" + hex.EncodeToString(sum[:16])
}
