package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/nerve-alerts/nerve/internal/contract"
)

// Register adds nerve's workflows to a worker under their stored names.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(Triage, workflow.RegisterOptions{Name: contract.WorkflowTriage})
	r.RegisterWorkflowWithOptions(Approve, workflow.RegisterOptions{Name: contract.WorkflowApprove})
}
