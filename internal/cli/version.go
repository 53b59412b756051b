package cli

import "runtime/debug"

type versionCmd struct{}

// Run prints the module's version and the commit it was built from, where the
// build knows them.
func (versionCmd) Run(t terminal) error {
	version, revision := "(devel)", "unknown commit"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	t.printf("nerve %s (%s)\n", version, revision)
	return nil
}
