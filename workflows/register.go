package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Register adds nerve's workflows to a worker under their stored names.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Watch, workflow.RegisterOptions{Name: contract.WorkflowWatch})
	r.RegisterWorkflowWithOptions(Triage, workflow.RegisterOptions{Name: contract.WorkflowTriage})
	r.RegisterWorkflowWithOptions(TaskResult, workflow.RegisterOptions{Name: contract.WorkflowTaskResult})
	r.RegisterWorkflowWithOptions(DeliverEvents, workflow.RegisterOptions{Name: contract.WorkflowDeliverEvents})
	r.RegisterWorkflowWithOptions(Approve, workflow.RegisterOptions{Name: contract.WorkflowApprove})
}
