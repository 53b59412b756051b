package devserver

import (
	"errors"
	"fmt"
	"syscall"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const (
	clusterName = "active"
	storeName   = "sqlite"
	// historyShards is fixed for the life of a database file. With one shard,
	// workflows queue behind each other's writes; four was measured to cut the
	// time of a step and costs little memory.
	historyShards = 4
	// portAttempts bounds how often ports are picked again when another process
	// took one of them before Temporal could.
	portAttempts = 3
	// queueWorkers bounds how many queued tasks of a kind are worked on at once.
	// The default is 512, made for a database of many connections; here they
	// would all wait for the one connection until their deadlines pass, which was
	// seen after a restart with 300 workflows waiting.
	queueWorkers = 32
)

// newServer builds a server that listens already. A frontend port of 0 is chosen.
func newServer(store *config.SQL, frontend int, logger log.Logger) (temporal.Server, servicePorts, error) {
	var last error
	for range portAttempts {
		ports, err := pickPorts(frontend)
		if err != nil {
			return nil, servicePorts{}, err
		}
		srv, err := assemble(store, ports, logger)
		if err == nil {
			return srv, ports, nil
		}
		if last = err; !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, servicePorts{}, fmt.Errorf("devserver: build Temporal server: %w", last)
}

func assemble(store *config.SQL, ports servicePorts, logger log.Logger) (temporal.Server, error) {
	cfg := serverConfig(store, ports)
	var srv temporal.Server
	err := catchFatal(func() (err error) {
		srv, err = temporal.NewServer(
			temporal.WithConfig(cfg),
			temporal.ForServices(temporal.DefaultServices),
			temporal.WithStaticHosts(map[primitives.ServiceName]static.Hosts{
				primitives.FrontendService: static.SingleLocalHost(hostPort(ports.frontend)),
				primitives.HistoryService:  static.SingleLocalHost(hostPort(ports.history)),
				primitives.MatchingService: static.SingleLocalHost(hostPort(ports.matching)),
				primitives.WorkerService:   static.SingleLocalHost(hostPort(ports.worker)),
			}),
			temporal.WithLogger(logger),
			temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
			temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
				return authorization.NewNoopClaimMapper()
			}),
			temporal.WithDynamicConfigClient(dynamicConfig()),
		)
		return err
	})
	return srv, err
}

// serverConfig is a one-host cluster on one SQLite database. The cluster's id is
// made by the server on the first start and kept in the database.
func serverConfig(store *config.SQL, ports servicePorts) *config.Config {
	frontend := hostPort(ports.frontend)
	return &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{storeName: {SQL: store}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): service(ports.frontend),
			string(primitives.HistoryService):  service(ports.history),
			string(primitives.MatchingService): service(ports.matching),
			string(primitives.WorkerService):   service(ports.worker),
		},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: "disabled"},
			Visibility: config.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
}

func service(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
}

// dynamicConfig turns off the limits that protect a shared cluster from one
// tenant, and what only a cluster needs.
func dynamicConfig() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// At the default of 20 polls a second every step of a workflow waits 50 ms.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():             1000,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():                1000,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key():           1000,
		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():   queueWorkers,
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():      queueWorkers,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key(): queueWorkers,
		// Lists and counts: 10 a second would refuse the UI beside nerve's own.
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 1000,
		// One noisy source must not starve the others. Order holds within a
		// partition, so there is one.
		dynamicconfig.MatchingEnableFairness.Key():              true,
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// A search attribute that was just added is usable at once.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		// The check for a newer version tells a server on the internet about this one.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
	}
}
