package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/nerve-alerts/nerve/internal/audit"
	"github.com/nerve-alerts/nerve/internal/record"
)

type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List who changed what, newest first."`
	Verify auditVerifyCmd `cmd:"" help:"Check that the chain holds, in the database or in an export."`
	Export auditExportCmd `cmd:"" help:"Write the whole chain as JSON lines, for nerve audit verify --file."`
}

type auditListCmd struct {
	ledger
	Limit  count  `default:"20" help:"How many at most, up to 1000."`
	Before int64  `help:"Only entries before this number." placeholder:"SEQ"`
	Target string `help:"Only entries about this: a source, an incident, a token." placeholder:"NAME"`
}

// Run lists entries.
func (c *auditListCmd) Run(ctx context.Context, t terminal) error {
	return c.with(ctx, func(store *record.Store) error {
		found, err := store.AuditLog(ctx, record.AuditFilter{Target: c.Target, Before: c.Before, Limit: int(c.Limit)})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.json(append([]audit.Entry{}, found...))
		}
		if len(found) == 0 {
			t.printf("Nothing was changed yet.\n")
			return nil
		}
		rows := make([][]string, len(found))
		for i, e := range found {
			rows[i] = []string{
				strconv.FormatInt(e.Seq, 10), e.At.Format(time.DateTime), oneLine(e.Actor.Person, 22), e.Actor.Via,
				oneLine(e.Action, 22), oneLine(e.Target, 24),
			}
		}
		return t.table([]string{"SEQ", "AT (UTC)", "WHO", "VIA", "ACTION", "TARGET"}, rows)
	})
}

type auditVerifyCmd struct {
	ledger
	File string `help:"Check this export instead of the database; - is standard input." placeholder:"FILE"`
	Head []head `help:"A head that was kept elsewhere, as this command printed it: the chain must lead there. Give it several times for several." sep:"none" placeholder:"SEQ:HASH"`
}

// verified is what --json says of a chain.
type verified struct {
	Holds  bool       `json:"holds"`
	Head   audit.Head `json:"head"`
	Broken int64      `json:"first_broken,omitempty"`
	Why    string     `json:"why,omitempty"`
}

// Run checks the chain and prints its head, which is worth keeping elsewhere.
func (c *auditVerifyCmd) Run(ctx context.Context, t terminal) error {
	kept := make([]audit.Head, len(c.Head))
	for i, h := range c.Head {
		kept[i] = audit.Head(h)
	}
	if c.File == "" {
		return c.with(ctx, func(store *record.Store) error {
			head, err := audit.Verify(store.AuditChain(ctx), kept...)
			return c.report(t, head, err)
		})
	}
	if c.Config != "" || c.State != "" {
		return usageError{"--file goes without --config and --state: it needs no database"}
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return usageError{"--file: " + err.Error()}
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	head, err := audit.Verify(entries(in), kept...)
	return c.report(t, head, err)
}

func (c *auditVerifyCmd) report(t terminal, head audit.Head, err error) error {
	broken, isBroken := errors.AsType[*audit.BrokenError](err)
	if err != nil && !isBroken {
		return err
	}
	v := verified{Holds: err == nil, Head: head}
	if isBroken {
		v.Broken, v.Why = broken.Seq, broken.Why
	}
	if c.JSON {
		if err := t.json(v); err != nil {
			return err
		}
		if isBroken {
			return errQuiet
		}
		return nil
	}
	if isBroken {
		return broken
	}
	t.printf("The chain of %d entries holds.\nHead: %d:%s\nKeep the head somewhere else, and give it to --head the next time.\n", head.Seq, head.Seq, head.Hash)
	return nil
}

// maxEntry bounds a line of an export.
const maxEntry = 1 << 20

// entries reads an export.
func entries(r io.Reader) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxEntry)
		n := 0
		for lines.Scan() {
			n++
			if len(lines.Bytes()) == 0 {
				continue
			}
			var e audit.Entry
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				yield(e, fmt.Errorf("line %d of the export is no entry: %w", n, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(audit.Entry{}, fmt.Errorf("read the export: %w", err))
		}
	}
}

type auditExportCmd struct {
	Config string `help:"Configuration file; DATABASE_URL in the environment does as well." placeholder:"FILE" xor:"target"`
	State  string `help:"The state directory of a nerve dev." placeholder:"DIR" xor:"target"`
}

// Run writes the chain to standard output.
func (c *auditExportCmd) Run(ctx context.Context, t terminal) error {
	d := ledger{Config: c.Config, State: c.State}
	return d.with(ctx, func(store *record.Store) error {
		out := json.NewEncoder(t.out)
		for e, err := range store.AuditChain(ctx) {
			if err != nil {
				return err
			}
			if err := out.Encode(e); err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
		}
		return nil
	})
}

// head is the end of a chain as a flag has it.
type head audit.Head

var headForm = regexp.MustCompile(`^([0-9]+):([0-9a-f]{64})$`)

// UnmarshalText reads SEQ:HASH.
func (h *head) UnmarshalText(b []byte) error {
	m := headForm.FindStringSubmatch(string(b))
	if m == nil {
		return fmt.Errorf("%q is no head: give it as SEQ:HASH, as nerve audit verify prints it", b)
	}
	seq, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no head: %w", b, err)
	}
	*h = head{Seq: seq, Hash: m[2]}
	return nil
}
