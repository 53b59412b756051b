package silence

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/nerve-alerts/nerve/incident"
)

const (
	// maxExpression is the longest expression, in characters.
	maxExpression = 2000
	// maxCost bounds one evaluation, in CEL's units: about one per step and per ten
	// characters read. A dozen comparisons cost some dozens, the longest description
	// searched for a word some thousands. All of it takes about three milliseconds.
	maxCost = 20_000
)

// Signal is a signal as an expression sees it, under the name "signal". Fields
// may be added.
type Signal struct {
	Source      string            `cel:"source"`   // the source's name
	Provider    string            `cel:"provider"` // the vendor
	Kind        string            `cel:"kind"`     // alert, question, ticket or storm
	Severity    string            `cel:"severity"` // critical, high, medium, low or info
	EventType   string            `cel:"event_type"`
	Title       string            `cel:"title"`
	Description string            `cel:"description"`
	Channel     string            `cel:"channel"` // Slack channel id, of an alert from Slack
	Tags        map[string]string `cel:"tags"`
	Entities    []Entity          `cel:"entities"` // such as {type: "service", name: "checkout"}
}

// Entity is something that a signal is about.
type Entity struct {
	Type string `cel:"type"`
	Name string `cel:"name"`
}

// signalOf is a signal in the form that expressions read.
func signalOf(s *incident.Signal) *Signal {
	v := &Signal{
		Source: s.Source, Provider: s.Provider, Kind: string(s.Kind), Severity: string(s.Severity), EventType: s.EventType,
		Title: s.Title, Description: s.Description, Tags: s.Tags, Entities: make([]Entity, len(s.RelatedEntities)),
	}
	if s.Slack != nil {
		v.Channel = s.Slack.ChannelID
	}
	if v.Tags == nil {
		v.Tags = map[string]string{}
	}
	for i, e := range s.RelatedEntities {
		v.Entities[i] = Entity{e.Type, e.Name}
	}
	return v
}

// environment is what an expression may use: the signal, CEL's own functions, and
// lower, for words whose case varies. CEL's library on texts is not among them,
// because what its functions read does not count as cost.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		ext.NativeTypes(ext.ParseStructTags(true), reflect.TypeFor[Signal](), reflect.TypeFor[Entity]()),
		cel.Function("lower", cel.Overload("lower_string", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(strings.ToLower(string(v.(types.String)))) }))),
		cel.Variable("signal", cel.ObjectType("silence.Signal")),
	)
})

// Expression is a compiled expression. It is safe for concurrent use.
type Expression struct {
	text    string
	program cel.Program
}

// readCost charges our function for the text that it reads; CEL knows its own.
type readCost struct{}

func (readCost) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	if function != "lower" {
		return nil
	}
	text, _ := args[0].(types.String)
	cost := 1 + uint64(len(text))/10
	return &cost
}

// Mistake is one thing that is wrong with an expression, and where.
type Mistake struct {
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1; 0: the expression as a whole
	Message string `json:"message"`
}

func (m Mistake) String() string {
	if m.Column == 0 {
		return m.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", m.Line, m.Column, m.Message)
}

// CompileError lists what is wrong with an expression.
type CompileError struct{ Mistakes []Mistake }

func (e *CompileError) Error() string {
	all := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		all[i] = m.String()
	}
	return "silence: " + strings.Join(all, "; ")
}

func wrong(format string, args ...any) error {
	return &CompileError{[]Mistake{{Line: 1, Message: fmt.Sprintf(format, args...)}}}
}

// Compile checks an expression. Its error is a *CompileError, unless nerve itself
// is broken.
func Compile(text string) (*Expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, wrong("the expression is empty: say which signals are meant, such as signal.source == \"datadog\"")
	}
	if n := utf8.RuneCountInString(text); n > maxExpression {
		return nil, wrong("the expression has %d characters, and %d is the most", n, maxExpression)
	}
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("silence: %w", err)
	}
	checked, issues := env.Compile(text)
	if issues != nil && issues.Err() != nil {
		failed := &CompileError{}
		for _, e := range issues.Errors() {
			failed.Mistakes = append(failed.Mistakes, Mistake{e.Location.Line(), e.Location.Column() + 1, e.Message})
		}
		return nil, failed
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, wrong("it gives a %s, and must say true or false", checked.OutputType())
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost), cel.CostTracking(readCost{}))
	if err != nil { // such as a regular expression that is none
		return nil, wrong("%s", err)
	}
	return &Expression{text, program}, nil
}

// Match reports whether the expression is true for a signal. A tag or an element
// that is not there makes it false unless something else decides, as CEL has it;
// any other failure is an error.
func (e *Expression) Match(s *incident.Signal) (bool, error) { return e.match(signalOf(s)) }

func (e *Expression) match(s *Signal) (bool, error) {
	out, _, err := e.program.Eval(map[string]any{"signal": s})
	if err != nil {
		if missing(err) {
			return false, nil
		}
		// The error may quote the signal, which is not scrubbed yet.
		return false, errors.New("silence: the expression cannot be evaluated: " + plainCause(err))
	}
	return out == types.True, nil
}

// missing reports whether an evaluation failed for something that is not there.
func missing(err error) bool {
	text := err.Error()
	return strings.Contains(text, "no such key") || strings.Contains(text, "index out of bounds")
}

// plainCause is an evaluation's error without any value in it.
func plainCause(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "cost limit"):
		return "it costs more than is allowed"
	case strings.Contains(text, "no such overload"):
		return "an operation does not fit its values"
	case strings.Contains(text, "regex"), strings.Contains(text, "error parsing regexp"):
		return "a regular expression is none"
	}
	return "it failed"
}
