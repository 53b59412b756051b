// Package back puts the worker together: Temporal workers on every queue, the
// recorder of deliveries, the drainer of the spool, the clean-up of the record,
// and the endpoint for health and for Temporal UI's codec. It decides nothing itself.
package back
