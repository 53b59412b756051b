package providers

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// The payload as mappings see it. CEL's own maps refuse a key that is not there,
// which would lose an alert whenever a vendor leaves a field out. These do not:
// what is missing is absent, and so is everything below it.

var (
	nodeType   = types.NewObjectType("nerve.Object", traits.IndexerType, traits.FieldTesterType, traits.SizerType, traits.IterableType, traits.ContainerType)
	absentType = types.NewObjectType("nerve.Absent", traits.IndexerType, traits.FieldTesterType, traits.SizerType, traits.IterableType, traits.ContainerType)
)

// absent is what is not in the payload. It equals "", null, itself and nothing else.
type absent struct{}

func (absent) ConvertToNative(t reflect.Type) (any, error) {
	return reflect.Zero(t).Interface(), nil
}

func (absent) ConvertToType(t ref.Type) ref.Val {
	switch t.TypeName() {
	case types.StringType.TypeName():
		return types.String("")
	case types.TypeType.TypeName():
		return absentType
	}
	return types.NewErr("there is nothing to convert to %s", t.TypeName())
}

func (absent) Equal(other ref.Val) ref.Val {
	_, both := other.(absent)
	return types.Bool(both || other == types.String(""))
}

func (absent) Type() ref.Type           { return absentType }
func (absent) Value() any               { return nil }
func (absent) Get(ref.Val) ref.Val      { return absent{} }
func (absent) IsSet(ref.Val) ref.Val    { return types.False }
func (absent) Contains(ref.Val) ref.Val { return types.False }
func (absent) Size() ref.Val            { return types.IntZero }
func (absent) Iterator() traits.Iterator {
	return types.NewDynamicList(view{}, []any{}).Iterator()
}

// node is a JSON object.
type node struct{ fields map[string]any }

func (n node) ConvertToNative(t reflect.Type) (any, error) {
	if reflect.TypeOf(n.fields).AssignableTo(t) {
		return n.fields, nil
	}
	return nil, fmt.Errorf("an object is not a %s", t)
}

func (n node) ConvertToType(t ref.Type) ref.Val {
	if t.TypeName() == types.TypeType.TypeName() {
		return nodeType
	}
	return types.NewErr("an object is not a %s", t.TypeName())
}

func (n node) Equal(other ref.Val) ref.Val {
	o, ok := other.(node)
	return types.Bool(ok && reflect.DeepEqual(n.fields, o.fields))
}

func (n node) Type() ref.Type { return nodeType }
func (n node) Value() any     { return n.fields }

func (n node) Get(key ref.Val) ref.Val {
	name, ok := key.(types.String)
	if !ok {
		return absent{}
	}
	v, ok := n.fields[string(name)]
	if !ok || v == nil {
		return absent{}
	}
	return view{}.NativeToValue(v)
}

func (n node) IsSet(key ref.Val) ref.Val {
	_, missing := n.Get(key).(absent)
	return types.Bool(!missing)
}

func (n node) Contains(key ref.Val) ref.Val { return n.IsSet(key) }
func (n node) Size() ref.Val                { return types.Int(len(n.fields)) }

// Iterator goes over the keys in order, so that the same payload gives the same signal.
func (n node) Iterator() traits.Iterator {
	return types.NewStringList(view{}, sortedKeys(n.fields)).(traits.Iterable).Iterator()
}

// list is a JSON list; an index beyond its end is absent.
type list struct{ traits.Lister }

func (l list) Get(index ref.Val) ref.Val {
	i, ok := index.(types.Int)
	size, _ := l.Size().(types.Int)
	if !ok || i < 0 || i >= size {
		return absent{}
	}
	return l.Lister.Get(index)
}

// Find lets an index beyond the end be absent inside a larger expression too:
// CEL asks a list for its size itself, and fails, unless it can be asked so.
func (l list) Find(key ref.Val) (ref.Val, bool) {
	_, number := key.(types.Int)
	return l.Get(key), number
}

// view turns decoded JSON into values. It is the adapter of every mapping.
type view struct{}

func (view) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case ref.Val:
		return v
	case nil:
		return absent{}
	case string:
		return types.String(cleanText(v))
	case bool:
		return types.Bool(v)
	case json.Number:
		return number(v)
	case map[string]any:
		return node{v}
	case object:
		return node{v}
	case []any:
		return list{types.NewDynamicList(view{}, v)}
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// number keeps an integer beyond 64 bits as the text it was, because an id that
// lost its last digits is another id.
func number(n json.Number) ref.Val {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return types.Int(i)
	}
	f, err := n.Float64()
	if err != nil || math.Trunc(f) == f && math.Abs(f) >= 1<<53 {
		return types.String(n.String())
	}
	return types.Double(f)
}

// textValue renders what an expression gave: scalars as people write them, a
// list of scalars with commas, anything else as nothing.
func textValue(v ref.Val) string {
	switch v := v.(type) {
	case types.String:
		return scalar(head(string(v), 4*maxText)) // what is used of it is less
	case types.Int:
		return strconv.FormatInt(int64(v), 10)
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10)
	case types.Double:
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	case types.Bool:
		return strconv.FormatBool(bool(v))
	case traits.Lister:
		return joinValues(v, ", ")
	}
	return ""
}

// joinValues joins the parts of a list that say something, up to maxText.
func joinValues(l traits.Lister, separator string) string {
	var out strings.Builder
	separator = head(separator, maxLine)
	each(l, func(v ref.Val) {
		if _, nested := v.(traits.Lister); nested || out.Len() > maxText {
			return
		}
		if s := head(textValue(v), maxText); s != "" {
			if out.Len() > 0 {
				out.WriteString(separator)
			}
			out.WriteString(s)
		}
	})
	return head(out.String(), maxText)
}

// each calls f with the values of a list, as many as are looked at.
func each(l traits.Iterable, f func(ref.Val)) {
	n := 0
	for it := l.Iterator(); it.HasNext() == types.True && n < maxEntries; n++ {
		f(it.Next())
	}
}

// truth is a condition's value: only true is true.
func truth(v ref.Val) bool { return v == types.True }
