package temporalx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// visiblePoll is how often the server is asked whether a new search attribute
// can be used. Its namespace cache is refreshed every two seconds.
const visiblePoll = 100 * time.Millisecond

// Services is what Prepare needs of a client.Client.
type Services interface {
	WorkflowService() workflowservice.WorkflowServiceClient
	OperatorService() operatorservice.OperatorServiceClient
}

// Prepare registers the keyword search attributes that namespace lacks, waits
// until they can be used, and checks that its retention is at least need.
//
// A *RetentionError or a *PermissionError, alone or joined, means that nerve can
// run and that somebody should know; any other error means that it cannot.
func Prepare(ctx context.Context, c Services, namespace string, attrs []string, need time.Duration) error {
	namespace = cmp.Or(namespace, DefaultNamespace)
	// Describe comes first: the server answers other calls about a namespace that
	// does not exist with "unavailable".
	warnRetention, err := checkRetention(ctx, c, namespace, need)
	if err != nil {
		return err
	}
	warnAttrs, err := ensureAttributes(ctx, c, namespace, attrs)
	if err != nil {
		return err
	}
	return errors.Join(warnRetention, warnAttrs)
}

// Inspect returns the search attributes that namespace lacks and the same errors
// as Prepare, and changes nothing.
func Inspect(ctx context.Context, c Services, namespace string, attrs []string, need time.Duration) (missing []string, err error) {
	namespace = cmp.Or(namespace, DefaultNamespace)
	warn, err := checkRetention(ctx, c, namespace, need)
	if err != nil {
		return nil, err
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	switch {
	case denied(err):
		return nil, errors.Join(warn, &PermissionError{Namespace: namespace, Doing: "list the search attributes", Err: err})
	case err != nil:
		return nil, fmt.Errorf("temporalx: list search attributes of namespace %q: %w", namespace, err)
	}
	missing, err = lacking(namespace, have.GetCustomAttributes(), attrs)
	return missing, errors.Join(warn, err)
}

// ensureAttributes returns what nerve can live with as warn, all else as err.
func ensureAttributes(ctx context.Context, c Services, namespace string, attrs []string) (warn, err error) {
	if len(attrs) == 0 {
		return nil, nil
	}
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	switch {
	case denied(err):
		return &PermissionError{Namespace: namespace, Doing: "list the search attributes", Err: err}, nil
	case err != nil:
		return nil, fmt.Errorf("temporalx: list search attributes of namespace %q: %w", namespace, err)
	}
	missing, err := lacking(namespace, have.GetCustomAttributes(), attrs)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	return nil, addAttributes(ctx, c, namespace, missing)
}

// lacking lists the attributes that are not there. One that is there with
// another type cannot be used nor replaced.
func lacking(namespace string, have map[string]enums.IndexedValueType, want []string) ([]string, error) {
	var missing []string
	for _, name := range want {
		kind, ok := have[name]
		switch {
		case !ok:
			missing = append(missing, name)
		case kind != enums.INDEXED_VALUE_TYPE_KEYWORD:
			return nil, fmt.Errorf("temporalx: search attribute %s of namespace %q is a %s, want a Keyword; use another namespace",
				name, namespace, kind)
		}
	}
	slices.Sort(missing)
	return missing, nil
}

func addAttributes(ctx context.Context, c Services, namespace string, missing []string) error {
	types := make(map[string]enums.IndexedValueType, len(missing))
	for _, name := range missing {
		types[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: types,
	})
	var exists *serviceerror.AlreadyExists
	switch {
	case denied(err):
		// Known to be missing, and every start would be refused: not a warning.
		return fmt.Errorf("temporalx: namespace %q lacks search attributes that these credentials may not add; run: "+
			"temporal operator search-attribute create -n %s %s: %w", namespace, namespace, createFlags(missing), err)
	case errors.As(err, &exists): // another process was quicker
	case err != nil:
		return fmt.Errorf("temporalx: add search attributes %s to namespace %q: %w", strings.Join(missing, ", "), namespace, err)
	}
	return awaitAttributes(ctx, c, namespace, missing)
}

func createFlags(names []string) string {
	flags := make([]string, len(names))
	for i, name := range names {
		flags[i] = "--name " + name + " --type Keyword"
	}
	return strings.Join(flags, " ")
}

// awaitAttributes waits until the frontend knows the new names: it refuses a
// query, and a start, that uses one before its namespace cache has it.
func awaitAttributes(ctx context.Context, c Services, namespace string, names []string) error {
	terms := make([]string, len(names))
	for i, name := range names {
		terms[i] = name + " = ''"
	}
	query := strings.Join(terms, " AND ")
	tick := time.NewTicker(visiblePoll)
	defer tick.Stop()
	for {
		_, err := c.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace, Query: query,
		})
		if err == nil || denied(err) {
			return nil // starting workflows needs no permission to query
		}
		if _, unknown := errors.AsType[*serviceerror.InvalidArgument](err); !unknown {
			return fmt.Errorf("temporalx: query search attributes of namespace %q: %w", namespace, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("temporalx: wait for search attributes %s of namespace %q: %w", strings.Join(names, ", "), namespace, ctx.Err())
		case <-tick.C:
		}
	}
}

func checkRetention(ctx context.Context, c Services, namespace string, need time.Duration) (warn, err error) {
	desc, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var gone *serviceerror.NamespaceNotFound
	switch {
	case denied(err):
		return &PermissionError{Namespace: namespace, Doing: "read the retention", Err: err}, nil
	case errors.As(err, &gone):
		return nil, fmt.Errorf("temporalx: namespace %q does not exist; create it with: temporal operator namespace create -n %s: %w",
			namespace, namespace, err)
	case err != nil:
		return nil, fmt.Errorf("temporalx: describe namespace %q: %w", namespace, err)
	}
	if have := desc.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); have < need {
		return &RetentionError{Namespace: namespace, Have: have, Need: need}, nil
	}
	return nil, nil
}

// denied reports whether the server refused the caller rather than the call. A
// hosted Temporal does not offer the operator calls at all.
func denied(err error) bool {
	var permission *serviceerror.PermissionDenied
	var unimplemented *serviceerror.Unimplemented
	return errors.As(err, &permission) || errors.As(err, &unimplemented)
}
