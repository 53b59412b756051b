package operator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Filter bounds a list.
type Filter struct {
	Limit  int
	Source string // a source's name, or "" for all
	Status string // firing, acknowledged, resolved, or "" for all
	Open   bool   // only those that run
	Failed bool   // only those that failed
}

// List returns incidents, the one opened last first. Of an incident that was
// rerun, or that failed and was resolved, only the newest run is listed, and
// only when that run matches. Temporal lists what runs before what has ended, so
// more are read than asked for and then ordered.
func (o *Operator) List(ctx context.Context, f Filter) ([]Incident, error) {
	newest := map[string]Incident{}
	err := o.scan(ctx, f.query(), func(i Incident) bool {
		if known, ok := newest[i.key()]; !ok || i.OpenedAt.After(known.OpenedAt) {
			newest[i.key()] = i
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	found := slices.SortedFunc(maps.Values(newest), func(a, b Incident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	limit := max(0, f.Limit)
	if f.Status == "" && !f.Failed {
		return found[:min(len(found), limit)], nil
	}
	return o.current(ctx, found, limit)
}

// current leaves out runs that their incident has left behind: one that failed
// stays failed in Temporal also after its incident was rerun or resolved.
func (o *Operator) current(ctx context.Context, found []Incident, limit int) ([]Incident, error) {
	kept := []Incident{}
	for asked := range slices.Chunk(found, maxAsked) {
		if len(kept) >= limit {
			break
		}
		last, ids := map[string]Incident{}, []string{}
		for _, i := range asked {
			last[i.key()] = i
			ids = append(ids, quote(i.WorkflowID), quote(aside(i)))
		}
		err := o.scan(ctx, Filter{}.query()+" AND WorkflowId IN ("+strings.Join(ids, ", ")+")", func(i Incident) bool {
			if known, ok := last[i.key()]; ok && i.OpenedAt.After(known.OpenedAt) {
				last[i.key()] = i
			}
			return true
		})
		if err != nil {
			return nil, err
		}
		for _, i := range asked {
			if last[i.key()].RunID == i.RunID {
				kept = append(kept, i)
			}
		}
	}
	return kept[:min(len(kept), limit)], nil
}

func (f Filter) query() string {
	parts := []string{fmt.Sprintf("WorkflowType = %q", contract.WorkflowTriage)}
	if f.Source != "" {
		parts = append(parts, fmt.Sprintf("%s = %s", contract.AttrSource, quote(f.Source)))
	}
	if f.Status != "" {
		parts = append(parts, fmt.Sprintf("%s = %s", contract.AttrStatus, quote(f.Status)))
	}
	if f.Open {
		parts = append(parts, "ExecutionStatus = 'Running'")
	}
	if f.Failed {
		parts = append(parts, "ExecutionStatus = 'Failed'")
	}
	return strings.Join(parts, " AND ")
}

// quote makes a string literal of the visibility query language, where a
// backslash escapes the character behind it.
func quote(s string) string { return "'" + quoter.Replace(s) + "'" }

var quoter = strings.NewReplacer("'", "''", `\`, `\\`)

// scan calls each with the incidents of a query, newest first, until it returns false.
func (o *Operator) scan(ctx context.Context, query string, each func(Incident) bool) error {
	var page []byte
	for seen := 0; seen < maxScan; {
		resp, err := o.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: o.namespace, Query: query, PageSize: 100, NextPageToken: page,
		})
		if err != nil {
			return fmt.Errorf("operator: list incidents: %w", err)
		}
		for _, info := range resp.GetExecutions() {
			seen++
			if !each(o.incident(info)) {
				return nil
			}
		}
		if page = resp.GetNextPageToken(); len(page) == 0 {
			return nil
		}
	}
	return nil
}
