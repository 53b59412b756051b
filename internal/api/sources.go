package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/nerve-alerts/nerve/incident"
	"github.com/nerve-alerts/nerve/internal/access"
	"github.com/nerve-alerts/nerve/internal/contract"
	"github.com/nerve-alerts/nerve/internal/ingest"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

const tagSources = "sources"

// SourceIn names a source in a path.
type SourceIn struct {
	Name string `path:"name" maxLength:"40"`
}

type sourcesOutput struct{ Body page[registry.View] }

type sourceOutput struct {
	ETag string `header:"ETag" doc:"Missing for a source of the configuration file, which is read-only"`
	Body registry.View
}

// Reasoned is a body that only says why.
type Reasoned struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for the audit log and whoever has to approve"`
}

// NewSource is a source that is to be added.
type NewSource struct {
	Name   string         `json:"name" minLength:"1" maxLength:"40" doc:"The URL segment: a-z, 0-9 and -"`
	Fields map[string]any `json:"fields" doc:"By the names and in the form of an entry of sources in the configuration file; provider is needed"`
	Secret string         `json:"secret,omitempty" maxLength:"8192" doc:"What its deliveries are proved with; it can never be read again"`
	Reason string         `json:"reason,omitempty" maxLength:"500"`
}

// SourceFields is what is to be changed of a source.
type SourceFields struct {
	Fields map[string]any `json:"fields" doc:"null takes a field back to its default"`
	Reason string         `json:"reason,omitempty" maxLength:"500"`
}

// NewSecret is a secret that is to work beside those that a source has.
type NewSecret struct {
	Secret    string `json:"secret" minLength:"1" maxLength:"8192"`
	NotBefore string `json:"not_before,omitempty" format:"date-time"`
	NotAfter  string `json:"not_after,omitempty" format:"date-time"`
	Reason    string `json:"reason,omitempty" maxLength:"500"`
}

type addSourceInput struct{ Body NewSource }

type setSourceInput struct {
	SourceIn
	IfMatch string `header:"If-Match" doc:"ETag of the source as you have seen it; required"`
	Body    SourceFields
}

type changeSourceInput struct {
	SourceIn
	IfMatch string    `header:"If-Match"`
	Body    *Reasoned `required:"false"`
}

type removeSourceInput struct {
	SourceIn
	IfMatch string `header:"If-Match"`
	Reason  string `query:"reason" maxLength:"500"`
}

type addSecretInput struct {
	SourceIn
	IfMatch string `header:"If-Match"`
	Body    NewSecret
}

type removeSecretInput struct {
	SourceIn
	SecretID string `path:"secret" maxLength:"64" doc:"Id of the secret"`
	IfMatch  string `header:"If-Match"`
	Force    bool   `query:"force" doc:"Also when senders still use it"`
	Reason   string `query:"reason" maxLength:"500"`
}

func (s *Server) sources() {
	add(s, operation{
		method: http.MethodGet, path: "/sources", id: "listSources", tag: tagSources, scope: access.Read,
		summary: "List sources, of the configuration file and of the database",
	}, func(ctx context.Context, _ *struct{}) (*sourcesOutput, error) {
		found, err := s.deps.Sources.List(ctx)
		return &sourcesOutput{page[registry.View]{Items: append(make([]registry.View, 0, len(found)), found...)}}, err
	})
	add(s, operation{
		method: http.MethodGet, path: "/sources/{name}", id: "showSource", tag: tagSources, scope: access.Read,
		summary: "Show one source: its figures, its secrets by id, and when each was last used", errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *SourceIn) (*sourceOutput, error) {
		v, err := s.deps.Sources.Get(ctx, in.Name)
		out := &sourceOutput{Body: v}
		if v.Revision > 0 {
			out.ETag = etag(v.Revision)
		}
		return out, err
	})
	s.sourceChanges()
	s.sourceSecrets()
	s.sourceTest()
}

// changing is what the operations that change a source have in common.
func changing(method, path, id, summary, more string) operation {
	return operation{
		method: method, path: path, id: id, tag: tagSources, scope: access.Admin, summary: summary, more: more,
		errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
		extra: map[string]*huma.Response{"202": {
			Description: "A second person must approve it first; Location is the approval",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/Changed"}}},
		}},
	}
}

func (s *Server) sourceChanges() {
	o := changing(http.MethodPost, "/sources", "addSource", "Add a source to the database", "A second person must approve it.")
	o.status = http.StatusCreated
	add(s, o, func(ctx context.Context, in *addSourceInput) (*changedOutput, error) {
		return s.change(ctx, contract.Change{
			Action: contract.ActionSourceAdd, Target: in.Body.Name, Fields: in.Body.Fields, Secret: in.Body.Secret, Reason: in.Body.Reason,
		}, "", http.StatusCreated)
	})
	o = changing(http.MethodPatch, "/sources/{name}", "setSource", "Change a source of the database",
		"A change that weakens the proof must be approved by a second person. If-Match is required.")
	o.errors = append(o.errors, http.StatusPreconditionRequired)
	add(s, o, func(ctx context.Context, in *setSourceInput) (*changedOutput, error) {
		if in.IfMatch == "" {
			return nil, fail(http.StatusPreconditionRequired, codePrecondition, "Send If-Match with the ETag of the source as you have seen it.")
		}
		return s.change(ctx, contract.Change{
			Action: contract.ActionSourceSet, Target: in.Name, Fields: in.Body.Fields, Reason: in.Body.Reason,
		}, in.IfMatch, http.StatusOK)
	})
	for _, c := range []struct {
		name, id, summary, more string
		action                  contract.Action
	}{
		{"enable", "enableSource", "Let a source take deliveries again", "", contract.ActionSourceEnable},
		{"disable", "disableSource", "Refuse every delivery to a source, with 404", "A second person must approve it.", contract.ActionSourceDisable},
		{"purge", "purgeSource", "Forget which alerts of a source came before; at most once an hour", "", contract.ActionPurgeWindows},
	} {
		add(s, changing(http.MethodPost, "/sources/{name}/"+c.name, c.id, c.summary, c.more),
			func(ctx context.Context, in *changeSourceInput) (*changedOutput, error) {
				reason := ""
				if in.Body != nil {
					reason = in.Body.Reason
				}
				return s.change(ctx, contract.Change{Action: c.action, Target: in.Name, Reason: reason}, in.IfMatch, http.StatusOK)
			})
	}
	add(s, changing(http.MethodDelete, "/sources/{name}", "removeSource", "Remove a source with its secrets", "A second person must approve it."),
		func(ctx context.Context, in *removeSourceInput) (*changedOutput, error) {
			return s.change(ctx, contract.Change{Action: contract.ActionSourceRemove, Target: in.Name, Reason: in.Reason}, in.IfMatch, http.StatusOK)
		})
}

func (s *Server) sourceSecrets() {
	o := changing(http.MethodPost, "/sources/{name}/secrets", "addSecret",
		"Add a secret beside those that a source has: the first half of a rotation", "All of them work. A second person must approve it.")
	o.status = http.StatusCreated
	add(s, o, func(ctx context.Context, in *addSecretInput) (*changedOutput, error) {
		c := contract.Change{Action: contract.ActionSecretAdd, Target: in.Name, Secret: in.Body.Secret, Reason: in.Body.Reason}
		for name, value := range map[string]string{"not_before": in.Body.NotBefore, "not_after": in.Body.NotAfter} {
			if value == "" {
				continue
			}
			if c.Fields == nil {
				c.Fields = map[string]any{}
			}
			c.Fields[name] = value
		}
		return s.change(ctx, c, in.IfMatch, http.StatusCreated)
	})
	add(s, changing(http.MethodDelete, "/sources/{name}/secrets/{secret}", "removeSecret",
		"Remove a secret: the second half of a rotation", "A second person must approve it. One that senders still use is removed with force only."),
		func(ctx context.Context, in *removeSecretInput) (*changedOutput, error) {
			return s.change(ctx, contract.Change{
				Action: contract.ActionSecretRemove, Target: in.Name, SecretID: in.SecretID, Force: in.Force, Reason: in.Reason,
			}, in.IfMatch, http.StatusOK)
		})
}

// revision reads the revision out of If-Match; 0 is any.
func revision(header string) (int64, *Problem) {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(header, `"`), 10, 64)
	if err != nil || n <= 0 || etag(n) != header {
		return 0, fail(http.StatusPreconditionFailed, codeChanged, "If-Match is no ETag that this source has had.")
	}
	return n, nil
}

// Sample is what a source is tried with.
type Sample struct {
	Fixture string         `json:"fixture,omitempty" maxLength:"80" doc:"One of the provider's payloads; the first by default"`
	Payload map[string]any `json:"payload,omitempty" doc:"A JSON payload of your own instead"`
}

type testSourceInput struct {
	SourceIn
	Body *Sample `required:"false"`
}

// Tested is what a source would make of a payload.
type Tested struct {
	Source   string           `json:"source"`
	Fixture  string           `json:"fixture,omitempty"`
	Signals  []ingest.Preview `json:"signals" nullable:"false"`
	Ignored  string           `json:"ignored,omitempty" doc:"Why it would raise nothing"`
	Warnings []string         `json:"warnings,omitempty"`
}

type testedOutput struct{ Body Tested }

func (s *Server) sourceTest() {
	add(s, operation{
		method: http.MethodPost, path: "/sources/{name}/test", id: "testSource", tag: tagSources, scope: access.Read,
		summary: "Say what a source would make of a payload", errors: []int{http.StatusNotFound},
		more: "It is read as a delivery would be once it is proved; nothing is raised, and nothing kept. nerve sources test also proves one, over the network.",
	}, s.testSource)
}

func (s *Server) testSource(ctx context.Context, in *testSourceInput) (*testedOutput, error) {
	v, err := s.deps.Sources.Get(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	sample := Sample{}
	if in.Body != nil {
		sample = *in.Body
	}
	out := &testedOutput{Tested{Source: in.Name, Signals: []ingest.Preview{}}}
	var body []byte
	if sample.Payload == nil {
		if body, out.Body.Fixture, err = fixture(v.Provider, sample.Fixture); err != nil {
			return nil, err
		}
	} else if body, err = json.Marshal(sample.Payload); err != nil {
		return nil, err
	}
	request := &providers.Request{
		Method: http.MethodPost, URL: &url.URL{Path: v.Path}, Header: http.Header{"Content-Type": {"application/json"}},
		Body: body, ReceivedAt: s.deps.Now(),
	}
	batch, err := s.deps.Intake.Reread(in.Name, request)
	if errors.Is(err, ingest.ErrNoSource) {
		return nil, fail(http.StatusConflict, codeState, "The source takes no deliveries now: it is disabled, broken, or was added this moment.")
	}
	if err != nil {
		return nil, unread(err)
	}
	out.Body.Ignored, out.Body.Warnings = batch.Ignored, batch.Warnings
	if len(batch.Signals) == 0 {
		return out, nil
	}
	found, err := s.deps.Intake.Preview(ingest.Submission{Source: in.Name, Batch: batch, Body: body, ContentType: "application/json"})
	if err != nil {
		return nil, unread(err)
	}
	out.Body.Signals = append(out.Body.Signals, found...)
	return out, nil
}

func fixture(provider, name string) (body []byte, found string, err error) {
	names := providers.FixtureNames(provider)
	if name == "" && len(names) > 0 {
		name = names[0]
	}
	if !slices.Contains(names, name) {
		return nil, "", invalidField("body.fixture", "is none of the provider's ("+strings.Join(names, ", ")+"): or give a payload")
	}
	body, err = providers.Fixture(provider, name)
	return body, name, err
}

// unread says what a source cannot read of a payload.
func unread(err error) error {
	var fields incident.FieldErrors
	switch {
	case errors.As(err, &fields):
		return invalid(fields...)
	case errors.Is(err, providers.ErrMalformed):
		return invalidField("body.payload", "cannot be read as this source's payload")
	}
	return err
}
