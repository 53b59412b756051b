package cli

import (
	"fmt"
	"math"
	"strconv"

	"github.com/alecthomas/kong"
)

// These types read a flag's number and say what would do when it does not.
// Kong's own numbers say "a valid 64 bit int", and take a negative one for a flag.

// port is a TCP port; 0 is any free one.
type port int

// Decode reads a port.
func (p *port) Decode(ctx *kong.DecodeContext) error {
	given := text(ctx)
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 || n > math.MaxUint16 {
		return fmt.Errorf("%q is not a port: give one from 1 to 65535, or 0 for a free one", given)
	}
	*p = port(n)
	return nil
}

// count is how many, at least one.
type count int

// Decode reads a count.
func (c *count) Decode(ctx *kong.DecodeContext) error {
	given := text(ctx)
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not how many: give a whole number from 1 on", given)
	}
	*c = count(n)
	return nil
}

// perSecond is a rate above zero.
type perSecond float64

// Decode reads a rate.
func (r *perSecond) Decode(ctx *kong.DecodeContext) error {
	given := text(ctx)
	f, err := strconv.ParseFloat(given, 64)
	if err != nil || math.IsNaN(f) || f <= 0 || math.IsInf(f, 0) {
		return fmt.Errorf("%q is not a rate: give how many a second, for example 0.5 or 100", given)
	}
	*r = perSecond(f)
	return nil
}

// text is what stands where the value belongs: nothing, where the line ends.
func text(ctx *kong.DecodeContext) string {
	t := ctx.Scan.Pop()
	if t.IsEOL() {
		return ""
	}
	return t.String()
}
