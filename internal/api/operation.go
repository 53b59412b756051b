package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/nerve-alerts/nerve/internal/access"
)

// bearer is the name of the security scheme.
const bearer = "bearer"

// operation is what differs between operations.
type operation struct {
	method, path string
	id           string
	tag          string
	summary      string
	more         string // the description
	scope        access.Scope
	errors       []int // beside those that every operation has
	status       int   // of success, where it is not 200 or 204
	body         int64 // the largest body in bytes, where it is not maxBody
	repeat       repetition
	extra        map[string]*huma.Response
}

// repetition says what becomes of a request that comes again under its key.
type repetition int

const (
	_ repetition = iota // the first answer is given again
	// guard refuses another request under the key, and lets the same one through:
	// the operation knows it again by itself.
	guard
	// once keeps of the first answer that it was given, but not its body, which
	// holds a secret that is shown once.
	once
)

const repeatKey = "nerve.repeat"

// writes reports whether an operation changes something.
func (o operation) writes() bool { return o.method != http.MethodGet }

// add registers an operation with what all have in common.
func add[I, O any](s *Server, o operation, handle func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Description: o.more, Tags: []string{o.tag},
		Security: []map[string][]string{{bearer: {string(o.scope)}}}, DefaultStatus: o.status,
		MaxBodyBytes: maxBody, BodyReadTimeout: readTimeout, Metadata: map[string]any{repeatKey: o.repeat},
		Errors:    append([]int{400, 401, 403, 429, 503}, o.errors...),
		Responses: o.extra,
	}
	if o.body > 0 {
		op.MaxBodyBytes = o.body
	}
	if o.writes() {
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: idempotencyHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(maxKey)},
			Description: "Makes the request safe to repeat for 24 hours. The same key with another request is answered 422, and 409 while the first is in flight.",
		})
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return out, nil
	})
}

// tidy takes out of the document what is never answered: huma adds 422 to
// whatever has a parameter, and nerve answers that with 400.
func tidy(_ *huma.OpenAPI, op *huma.Operation) {
	if op.Method == http.MethodGet {
		delete(op.Responses, strconv.Itoa(http.StatusUnprocessableEntity))
	}
}

func requestID(ctx huma.Context) string {
	return humagin.Unwrap(ctx).Writer.Header().Get(requestIDHeader)
}
