package approval

import "time"

// SetClickWait shortens how long an answer waits for a decision.
func SetClickWait(d *Desk, wait time.Duration) { d.wait = wait }
