package temporalx

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

const week = 7 * 24 * time.Hour

// fakeServer answers what Prepare asks. Other calls panic.
type fakeServer struct {
	workflowservice.WorkflowServiceClient
	operatorservice.OperatorServiceClient

	attrs                                map[string]enums.IndexedValueType
	retention                            time.Duration
	describeErr, listErr, addErr, cntErr error
	unknownFor                           int // counts that are refused before new attributes are known

	added  []string
	counts int
}

func (f *fakeServer) WorkflowService() workflowservice.WorkflowServiceClient { return f }
func (f *fakeServer) OperatorService() operatorservice.OperatorServiceClient { return f }

func (f *fakeServer) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{
		Config: &namespace.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(f.retention)},
	}, f.describeErr
}

func (f *fakeServer) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: f.attrs}, f.listErr
}

func (f *fakeServer) AddSearchAttributes(_ context.Context, r *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	for name, kind := range r.GetSearchAttributes() {
		if kind == enums.INDEXED_VALUE_TYPE_KEYWORD {
			f.added = append(f.added, name)
		}
	}
	return &operatorservice.AddSearchAttributesResponse{}, f.addErr
}

func (f *fakeServer) CountWorkflowExecutions(context.Context, *workflowservice.CountWorkflowExecutionsRequest, ...grpc.CallOption) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	f.counts++
	if f.counts <= f.unknownFor {
		return nil, serviceerror.NewInvalidArgument("invalid search attribute")
	}
	return &workflowservice.CountWorkflowExecutionsResponse{}, f.cntErr
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	const keyword, text = enums.INDEXED_VALUE_TYPE_KEYWORD, enums.INDEXED_VALUE_TYPE_TEXT
	refused := serviceerror.NewPermissionDenied("no", "")
	both := map[string]enums.IndexedValueType{"A": keyword, "B": keyword}
	tests := map[string]struct {
		server    fakeServer
		wantAdded []string
		wantErr   string // part of an error that nerve cannot run with
		wantWarn  []error
	}{
		"all there":            {server: fakeServer{attrs: both, retention: week}},
		"one missing":          {server: fakeServer{attrs: map[string]enums.IndexedValueType{"A": keyword}, retention: week}, wantAdded: []string{"B"}},
		"another was quicker":  {server: fakeServer{attrs: map[string]enums.IndexedValueType{"A": keyword}, retention: week, addErr: serviceerror.NewAlreadyExists("B")}, wantAdded: []string{"B"}},
		"known after a while":  {server: fakeServer{retention: week, unknownFor: 3}, wantAdded: []string{"A", "B"}},
		"querying is refused":  {server: fakeServer{retention: week, cntErr: refused}, wantAdded: []string{"A", "B"}},
		"querying fails":       {server: fakeServer{retention: week, cntErr: errors.New("boom")}, wantAdded: []string{"A", "B"}, wantErr: "boom"},
		"of another type":      {server: fakeServer{attrs: map[string]enums.IndexedValueType{"A": text}, retention: week}, wantErr: "search attribute A of namespace \"ns\" is a Text"},
		"adding is refused":    {server: fakeServer{attrs: map[string]enums.IndexedValueType{"A": keyword}, retention: week, addErr: refused}, wantAdded: []string{"B"}, wantErr: "search-attribute create -n ns --name B --type Keyword"},
		"adding fails":         {server: fakeServer{retention: week, addErr: errors.New("boom")}, wantAdded: []string{"A", "B"}, wantErr: "boom"},
		"no such namespace":    {server: fakeServer{describeErr: serviceerror.NewNamespaceNotFound("ns")}, wantErr: "temporal operator namespace create -n ns"},
		"describing fails":     {server: fakeServer{describeErr: errors.New("boom")}, wantErr: "boom"},
		"listing fails":        {server: fakeServer{retention: week, listErr: errors.New("boom")}, wantErr: "boom"},
		"forgets too early":    {server: fakeServer{attrs: both, retention: time.Hour}, wantWarn: []error{&RetentionError{Namespace: "ns", Have: time.Hour, Need: week}}},
		"describing is denied": {server: fakeServer{attrs: both, describeErr: refused}, wantWarn: []error{&PermissionError{Namespace: "ns", Doing: "read the retention", Err: refused}}},
		"a hosted server": {
			server:   fakeServer{retention: time.Hour, listErr: serviceerror.NewUnimplemented("no operator service")},
			wantWarn: []error{&RetentionError{Namespace: "ns", Have: time.Hour, Need: week}, &PermissionError{Namespace: "ns", Doing: "list the search attributes", Err: serviceerror.NewUnimplemented("no operator service")}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // so that waiting for new attributes takes no time
				err := Prepare(t.Context(), &tt.server, "ns", []string{"A", "B"}, week)
				assert.ElementsMatch(t, tt.wantAdded, tt.server.added)
				switch {
				case tt.wantErr != "":
					require.ErrorContains(t, err, tt.wantErr)
					assert.False(t, isWarning(err), "nerve cannot run")
				case tt.wantWarn != nil:
					assert.Equal(t, errors.Join(tt.wantWarn...), err)
					assert.True(t, isWarning(err))
				default:
					require.NoError(t, err)
				}
			})
		})
	}
}

// isWarning is the rule that Prepare promises to its callers.
func isWarning(err error) bool {
	var retention *RetentionError
	var permission *PermissionError
	return errors.As(err, &retention) || errors.As(err, &permission)
}

func TestPrepareEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Prepare(ctx, &fakeServer{retention: week, unknownFor: 1000}, "", []string{"A"}, week)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, `wait for search attributes A of namespace "default"`)
	})
}

func TestWarningsSayWhatToDo(t *testing.T) {
	t.Parallel()
	err := &RetentionError{Namespace: "ns", Have: 24 * time.Hour, Need: week - time.Minute}
	require.ErrorContains(t, err, "temporal operator namespace update -n ns --retention 168h")
	refused := errors.New("no")
	require.ErrorIs(t, &PermissionError{Namespace: "ns", Doing: "look", Err: refused}, refused)
}

func TestDial(t *testing.T) {
	t.Parallel()
	_, err := Dial(t.Context(), Options{})
	require.ErrorContains(t, err, "no server address")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Dial(ctx, Options{Address: "127.0.0.1:1"})
	require.ErrorContains(t, err, "connect to 127.0.0.1:1")
}

func TestClientOptions(t *testing.T) {
	t.Parallel()
	logger := slog.New(slog.DiscardHandler)
	plain := clientOptions(Options{Address: "a:1"}, logger)
	assert.Equal(t, DefaultNamespace, plain.Namespace)
	assert.Nil(t, plain.Credentials)
	assert.Nil(t, plain.ConnectionOptions.TLS)

	secured := clientOptions(Options{Address: "a:1", Namespace: "ns", APIKey: "k", TLS: &tls.Config{MinVersion: tls.VersionTLS13}}, logger)
	assert.Equal(t, "ns", secured.Namespace)
	assert.NotNil(t, secured.Credentials)
	assert.Equal(t, uint16(tls.VersionTLS13), secured.ConnectionOptions.TLS.MinVersion)
}
