package providers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	"go.yaml.in/yaml/v3"
)

// expression is one CEL expression with its place in the file.
type expression struct {
	text         string
	file         string
	line, column int
	program      cel.Program
	tree         ast.Expr
	result       *cel.Type
}

// choices are expressions of which the first that gives something wins. In YAML
// it is one expression, or a list of them.
type choices []*expression

// lets are named expressions, in the order of the file.
type lets []namedExpression

type namedExpression struct {
	name string
	expression
}

// UnmarshalYAML reads a scalar and remembers where it stood.
func (e *expression) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: an expression is a text", n.Line)
	}
	e.text, e.line, e.column = n.Value, n.Line, n.Column
	switch n.Style {
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		e.column++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		e.line, e.column = n.Line+1, 1
	}
	return nil
}

// UnmarshalYAML reads one expression or a list.
func (c *choices) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		e := &expression{}
		*c = choices{e}
		return e.UnmarshalYAML(n)
	}
	for _, item := range n.Content {
		e := &expression{}
		if err := e.UnmarshalYAML(item); err != nil {
			return err
		}
		*c = append(*c, e)
	}
	return nil
}

// UnmarshalYAML reads names and expressions in order: later ones may use earlier.
func (l *lets) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: let is a group of names and expressions", n.Line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		named := namedExpression{name: n.Content[i].Value}
		if err := named.UnmarshalYAML(n.Content[i+1]); err != nil {
			return err
		}
		*l = append(*l, named)
	}
	return nil
}

// compiler turns the texts of one mapping into programs.
type compiler struct {
	*mistakes
	names []string // of let, in scope
	env   *cel.Env
}

func (c *compiler) choices(list choices) {
	for _, e := range list {
		c.expression(e)
	}
}

// condition compiles an expression that has to be true or false.
func (c *compiler) condition(e *expression) {
	before := len(c.all)
	c.expression(e)
	if e.program == nil || len(c.all) > before {
		return
	}
	if !e.result.IsExactType(cel.BoolType) && !e.result.IsExactType(cel.DynType) {
		c.add("line %d, column %d: a condition is true or false, and this is a %s, in %q", e.line, e.column, e.result, e.text)
	}
}

// scope compiles the names of a let, each of which may use those before it, and
// then what uses them.
func (c *compiler) scope(names lets, inside func()) {
	outer := c.names
	defer func() { c.names, c.env = outer, nil }()
	for i := range names {
		if slices.Contains([]string{"body", "headers", "query", "received", "item", "index"}, names[i].name) {
			c.add("line %d: let cannot give %s another meaning: choose another name", names[i].line, names[i].name)
		}
		c.expression(&names[i].expression)
		c.names, c.env = append(slices.Clip(c.names), names[i].name), nil
	}
	inside()
}

func (c *compiler) environment() (*cel.Env, error) {
	if c.env != nil {
		return c.env, nil
	}
	base, err := celEnv()
	if err != nil || len(c.names) == 0 {
		c.env = base
		return base, err
	}
	variables := make([]cel.EnvOption, len(c.names))
	for i, name := range c.names {
		variables[i] = cel.Variable(name, cel.DynType)
	}
	c.env, err = base.Extend(variables...)
	return c.env, err
}

func (c *compiler) expression(e *expression) {
	if e.text == "" {
		return
	}
	e.file = c.file
	env, err := c.environment()
	if err != nil {
		c.add("line %d: %s", e.line, err)
		return
	}
	checked, issues := env.Compile(e.text)
	if issues != nil && issues.Err() != nil {
		for _, problem := range issues.Errors() {
			line, column := e.line+problem.Location.Line()-1, problem.Location.Column()+1
			if problem.Location.Line() == 1 {
				column += e.column - 1
			}
			c.add("line %d, column %d: %s, in %q", line, column, problem.Message, e.text)
		}
		return
	}
	e.tree, e.result = checked.NativeRep().Expr(), checked.OutputType()
	if err := checkPatterns(e.tree); err != nil {
		c.add("line %d: %s, in %q", e.line, err, e.text)
		return
	}
	e.program, err = env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost), cel.CostTracking(readCost{}))
	if err != nil {
		c.add("line %d, column %d: %s, in %q", e.line, e.column, err, e.text)
	}
}

// checkPatterns compiles the regular expressions of capture, which must be
// written out: one made from a payload could be anything.
func checkPatterns(tree ast.Expr) error {
	var failed error
	ast.PostOrderVisit(tree, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "capture" || len(e.AsCall().Args()) != 2 || failed != nil {
			return
		}
		arg := e.AsCall().Args()[1]
		text, ok := types.String(""), false
		if arg.Kind() == ast.LiteralKind {
			text, ok = arg.AsLiteral().(types.String)
		}
		if !ok {
			failed = fmt.Errorf("the pattern of capture must be written out")
			return
		}
		_, failed = pattern(string(text))
	}))
	return failed
}

// readCost charges our functions for the text that they read.
type readCost struct{}

func (readCost) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	switch function {
	case operators.Equals, operators.NotEquals, operators.Conditional, operators.Index:
		return nil
	}
	cost := uint64(1)
	for _, a := range args {
		if s, ok := a.(types.String); ok {
			cost += uint64(len(s)) / 10
		}
	}
	return &cost
}

var _ interpreter.ActualCostEstimator = readCost{}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
