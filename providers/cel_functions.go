package providers

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"golang.org/x/net/html"
)

// maxCost bounds one expression, in CEL's units: about one per step, and one per
// ten characters that a function reads.
const maxCost = 200_000

// celEnv is what every expression of every mapping may use; a shape adds its own
// names to it. The functions are told of in docs/mappings.md.
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	dyn, str := cel.DynType, cel.StringType
	anyMap := cel.MapType(str, dyn)
	options := append(stringFunctions(),
		cel.CustomTypeAdapter(view{}),
		cel.Variable("body", dyn),
		cel.Variable("headers", dyn),
		cel.Variable("query", dyn),
		cel.Variable("received", dyn),
		cel.Variable("item", dyn),
		cel.Variable("index", cel.IntType),
		cel.Macros(
			cel.GlobalMacro("first", 1, softElements), cel.GlobalMacro("join", 2, softElements), cel.GlobalMacro("has", 1, softHas),
		),
		function1(softFunction, dyn, dyn, lenient),
		function1(thereFunction, dyn, cel.BoolType, func(v ref.Val) ref.Val { return types.Bool(truth(v)) }),
		function1("text", dyn, str, func(v ref.Val) ref.Val { return types.String(textValue(v)) }),
		function1("json", dyn, dyn, celJSON),
		function1("first", dyn, dyn, celFirst),
		function1("list", dyn, cel.ListType(dyn), celList),
		function1("keys", dyn, cel.ListType(str), celKeys),
		function1("plain", dyn, str, func(v ref.Val) ref.Val { return types.String(plainText(textValue(v))) }),
		function1("subject", dyn, str, func(v ref.Val) ref.Val { return types.String(readMarkers(textValue(v)).subject) }),
		function1("state", dyn, str, func(v ref.Val) ref.Val { return types.String(readMarkers(textValue(v)).status) }),
		function1("rank", dyn, str, func(v ref.Val) ref.Val { return types.String(readMarkers(textValue(v)).severity) }),
		function1("labels", dyn, anyMap, celLabels),
		function2("join", dyn, str, str, celJoin),
		function2("capture", dyn, str, str, celCapture),
		cel.Function("pairs", cel.Overload("pairs_dyn_string_string", []*cel.Type{dyn, str, str}, anyMap,
			cel.FunctionBinding(celPairs))),
		cel.Function("within", cel.Overload("within_dyn_list", []*cel.Type{dyn, cel.ListType(dyn)}, cel.BoolType,
			cel.BinaryBinding(celWithin))),
	)
	return cel.NewEnv(options...)
})

// softFunction turns what cannot be computed into what is absent.
const softFunction = "soft"

// softElements lets an element of a list that is written out in first or join
// fail alone. CEL gives up on a list with one failed element, so that
// first([body.host.name, body.host]) would give nothing where host is a text.
func softElements(factory cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if args[0].Kind() != ast.ListKind {
		return nil, nil //nolint:nilnil // how a macro says that the call stays as it is
	}
	name := "first"
	if len(args) == 2 {
		name = "join"
	}
	elements := args[0].AsList().Elements()
	soft := make([]ast.Expr, len(elements))
	for i, e := range elements {
		soft[i] = factory.NewCall(softFunction, e)
	}
	return factory.NewCall(name, append([]ast.Expr{factory.NewList(soft...)}, args[1:]...)...), nil
}

// thereFunction is whether a test for a field succeeded.
const thereFunction = "there"

// softHas is CEL's has, which fails for a field of a list or a text; here such a
// field is not there, as anything else that is missing.
func softHas(factory cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	if args[0].Kind() != ast.SelectKind || args[0].AsSelect().IsTestOnly() {
		return nil, factory.NewError(args[0].ID(), "has asks for a field, such as has(body.alerts)")
	}
	field := args[0].AsSelect()
	return factory.NewCall(thereFunction, factory.NewPresenceTest(field.Operand(), field.FieldName())), nil
}

func function1(name string, in, out *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_dyn", []*cel.Type{in}, out, cel.UnaryBinding(f), cel.OverloadIsNonStrict()))
}

func function2(name string, a, b, out *cel.Type, f func(a, b ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload(name+"_dyn_string", []*cel.Type{a, b}, out, cel.BinaryBinding(f)))
}

// celJSON decodes JSON inside a string, as SNS and Splunk send it. Anything but
// an object or a list comes back as it is.
func celJSON(v ref.Val) ref.Val {
	text, ok := v.(types.String)
	if !ok {
		return lenient(v)
	}
	decoded, err := decodeBody([]byte(text))
	if err != nil {
		return v
	}
	return view{}.NativeToValue(decoded)
}

// celFirst is the first of a list that says something.
func celFirst(v ref.Val) ref.Val {
	found := ref.Val(absent{})
	if l, ok := v.(traits.Lister); ok {
		each(l, func(e ref.Val) {
			if _, none := found.(absent); none && !empty(e) {
				found = e
			}
		})
	}
	return found
}

// celList makes a list of what may be one thing or several: vendors send
// {"alert": …} for one and {"alert": […]} for two.
func celList(v ref.Val) ref.Val {
	switch v := v.(type) {
	case traits.Lister:
		return v
	case absent, *types.Err:
		return types.NewDynamicList(view{}, []any{})
	}
	return types.NewRefValList(view{}, []ref.Val{v})
}

func celKeys(v ref.Val) ref.Val {
	if n, ok := v.(node); ok {
		return types.NewStringList(view{}, sortedKeys(n.fields))
	}
	return types.NewStringList(view{}, nil)
}

// celLabels reads tags: an object of scalars as it is, a list of "name:value" or
// "name=value", one text of them with commas, or a list of {name, value}.
func celLabels(v ref.Val) ref.Val {
	tags := map[string]any{}
	add := func(e ref.Val) {
		text := textValue(e)
		at := strings.IndexAny(text, ":=")
		if at > 0 {
			tags[strings.TrimSpace(text[:at])] = strings.TrimSpace(text[at+1:])
		} else if text != "" {
			tags[text] = "true"
		}
	}
	switch v := v.(type) {
	case node:
		for k, e := range v.fields {
			if s := scalar(e); s != "" {
				tags[k] = s
			}
		}
	case traits.Lister:
		each(v, func(e ref.Val) {
			n, ok := e.(node)
			if !ok {
				add(e)
				return
			}
			o := object(n.fields)
			if name, value := o.text("name", "key", "label", "Name"), o.text("value", "Value", "val"); name != "" && value != "" {
				tags[name] = value
			}
		})
	case types.String:
		for part := range strings.SplitSeq(string(v), ",") {
			add(types.String(strings.TrimSpace(part)))
		}
	}
	return node{tags}
}

func celPairs(args ...ref.Val) ref.Val {
	tags := map[string]any{}
	l, isList := args[0].(traits.Lister)
	if isList {
		each(l, func(e ref.Val) {
			if n, ok := e.(node); ok {
				name, value := textValue(n.Get(args[1])), textValue(n.Get(args[2]))
				if name != "" && value != "" {
					tags[name] = value
				}
			}
		})
	}
	return node{tags}
}

func celJoin(v, separator ref.Val) ref.Val {
	if l, ok := v.(traits.Lister); ok {
		return types.String(joinValues(l, string(separator.(types.String))))
	}
	return types.String(textValue(v))
}

// celWithin reports whether a text is one of a list, upper and lower case alike.
func celWithin(v, of ref.Val) ref.Val {
	text, found := textValue(v), false
	if l, ok := of.(traits.Lister); ok && text != "" {
		each(l, func(e ref.Val) { found = found || strings.EqualFold(textValue(e), text) })
	}
	return types.Bool(found)
}

// patterns holds the expressions of capture. They come from mappings, of which
// there are few; one made from a payload is refused at start-up (checkPatterns).
var patterns sync.Map

func pattern(text string) (*regexp.Regexp, error) {
	if re, ok := patterns.Load(text); ok {
		return re.(*regexp.Regexp), nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", text, err)
	}
	patterns.Store(text, re)
	return re, nil
}

// celCapture is the first group of a regular expression in a text, or the whole
// match when it has none.
func celCapture(v, expression ref.Val) ref.Val {
	re, err := pattern(string(expression.(types.String)))
	if err != nil {
		return types.WrapErr(err)
	}
	m := re.FindStringSubmatch(head(textValue(v), maxText))
	switch {
	case m == nil:
		return types.String("")
	case len(m) > 1:
		return types.String(m[1])
	}
	return types.String(m[0])
}

// lenient turns an error into what is absent.
func lenient(v ref.Val) ref.Val {
	if types.IsUnknownOrError(v) {
		return absent{}
	}
	return v
}

func empty(v ref.Val) bool {
	switch v := v.(type) {
	case absent, *types.Err, types.Null:
		return true
	case types.String:
		return placeholder(string(v)) || strings.TrimSpace(string(v)) == ""
	case node:
		return len(v.fields) == 0
	case traits.Sizer:
		return v.Size() == types.IntZero
	}
	return false
}

// plainText is HTML or Markdown as a reader sees it: tags gone, line breaks kept.
func plainText(text string) string {
	text = head(text, maxText)
	if strings.ContainsAny(text, "<&") {
		text = htmlText(text)
	}
	lines := strings.Split(text, "\n")
	kept := lines[:0]
	for _, l := range lines {
		l = strings.Join(strings.Fields(l), " ")
		if l != "" || len(kept) > 0 && kept[len(kept)-1] != "" {
			kept = append(kept, l)
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n"))
}

func htmlText(text string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	skip := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			if skip == 0 {
				b.Write(z.Text())
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "table", "ul", "ol":
				b.WriteByte('\n')
			case "td", "th":
				b.WriteByte(' ')
			case "style", "script":
				skip++
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "style" || string(name) == "script" {
				skip = max(0, skip-1)
			}
		}
	}
}
