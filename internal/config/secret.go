package config

import "github.com/nerve-alerts/nerve/internal/privacy"

// Secret is a value that never shows itself; Reveal is the only way to it.
type Secret = privacy.Secret
