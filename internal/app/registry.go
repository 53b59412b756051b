package app

import (
	"github.com/nerve-alerts/nerve/internal/registry"
)

// Registry is where sources are checked and changed, on an open record.
func (c *Core) Registry(store registry.Store) (*registry.Registry, error) {
	return registry.New(registry.Options{
		Store: store, Sealer: c.Sealer, File: c.Config.Sources, Base: c.Config.SourceBase,
		SingleOperator: c.Config.Approvals.SingleOperator, Announce: c.Carrier().Announce, Log: c.Log,
	})
}
