package providers

import (
	"fmt"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
)

// maxResult bounds what one function makes of a payload, in bytes. CEL's cost
// limit looks at a call when it is over, and a single replace of one character by
// a long text would have filled the memory by then.
const maxResult = 1 << 20

// stringFunctions are those of CEL's string extension that mappings use, with a
// bound on what they return.
func stringFunctions() []cel.EnvOption {
	str, num := cel.StringType, cel.IntType
	unary := func(name string, f func(string) string) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("string_"+name, []*cel.Type{str}, str,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(f(string(v.(types.String)))) })))
	}
	return []cel.EnvOption{
		unary("lowerAscii", asciiCase('A', 'Z', 'a'-'A')),
		unary("upperAscii", asciiCase('a', 'z', 'A'-'a')),
		unary("trim", strings.TrimSpace),
		cel.Function("replace", cel.MemberOverload("string_replace_string_string", []*cel.Type{str, str, str}, str,
			cel.FunctionBinding(celReplace)),
			cel.MemberOverload("string_replace_string_string_int", []*cel.Type{str, str, str, num}, str, cel.FunctionBinding(celReplace))),
		cel.Function("split", cel.MemberOverload("string_split_string", []*cel.Type{str, str}, cel.ListType(str),
			cel.BinaryBinding(celSplit))),
		cel.Function("substring",
			cel.MemberOverload("string_substring_int", []*cel.Type{str, num}, str, cel.FunctionBinding(celSubstring)),
			cel.MemberOverload("string_substring_int_int", []*cel.Type{str, num, num}, str, cel.FunctionBinding(celSubstring))),
	}
}

func asciiCase(first, last, shift rune) func(string) string {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= first && r <= last {
				return r + shift
			}
			return r
		}, s)
	}
}

func celReplace(args ...ref.Val) ref.Val {
	s, old, fresh := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	times := strings.Count(s, old)
	if len(args) > 3 {
		times = min(times, max(0, int(args[3].(types.Int))))
	}
	if grown := len(s) + times*(len(fresh)-len(old)); grown > max(maxResult, len(s)) {
		return types.NewErr("replace would make a text of %d bytes", grown)
	}
	return types.String(strings.Replace(s, old, fresh, times))
}

func celSplit(v, separator ref.Val) ref.Val {
	return types.NewStringList(view{}, strings.SplitN(string(v.(types.String)), string(separator.(types.String)), maxItems))
}

// celSubstring counts in characters.
func celSubstring(args ...ref.Val) ref.Val {
	runes := []rune(string(args[0].(types.String)))
	from, to := int64(args[1].(types.Int)), int64(len(runes))
	if len(args) > 2 {
		to = int64(args[2].(types.Int))
	}
	if from < 0 || to < from || to > int64(len(runes)) {
		return types.WrapErr(fmt.Errorf("substring %d to %d of %d characters", from, to, len(runes)))
	}
	return types.String(runes[from:to])
}
