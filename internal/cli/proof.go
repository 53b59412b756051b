package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/providers"
)

// vendorFlags say whose request it is.
type vendorFlags struct {
	Provider string `help:"Whose request it is; nerve sources providers lists them." placeholder:"NAME" xor:"vendor" required:""`
	Mapping  string `help:"A mapping of your own instead." placeholder:"FILE" xor:"vendor" required:""`
}

func (v *vendorFlags) spec() (providers.Spec, error) {
	if v.Mapping == "" {
		return provider(v.Provider)
	}
	raw, err := readInput("--mapping", v.Mapping)
	if err != nil {
		return providers.Spec{}, err
	}
	name := strings.TrimSuffix(filepath.Base(v.Mapping), filepath.Ext(v.Mapping))
	if v.Mapping == "-" {
		name = "mapping"
	}
	spec, err := providers.Custom(name, v.Mapping, raw)
	if err != nil {
		return spec, usageError{"--mapping: " + plain(err)}
	}
	return spec, nil
}

// proofFlags say what a source accepts as a proof.
type proofFlags struct {
	Secret          []string `help:"Where a secret is: a file, - for standard input, or env:NAME; repeat it, the newest first." placeholder:"WHERE" sep:"none"`
	Scheme          []string `help:"Accept only this of the vendor's schemes; repeat it for several. none accepts anybody." placeholder:"NAME" sep:"none"`
	AllowWeak       bool     `help:"Accept SHA-1 where the vendor offers nothing else, as allow_weak does."`
	PublicURL       string   `help:"The URL that the vendor was given, where the signature covers it." placeholder:"URL"`
	TolerancePast   span     `help:"How old a signed time may be; the vendor's by default." placeholder:"5m"`
	ToleranceFuture span     `help:"How far ahead a signed time may be; the vendor's by default." placeholder:"30s"`
}

// config reads the secrets. Without any it is that of a source that accepts
// anybody, and proved is false.
func (p *proofFlags) config(stdins ...string) (cfg providers.Config, proved bool, err error) {
	for _, s := range p.Secret {
		stdins = append(stdins, "--secret", s)
	}
	if err := onlyOneStdin(stdins...); err != nil {
		return cfg, false, err
	}
	cfg = providers.Config{
		Schemes: p.Scheme, AllowWeak: p.AllowWeak, PublicURL: p.PublicURL,
		TolerancePast: time.Duration(p.TolerancePast), ToleranceFuture: time.Duration(p.ToleranceFuture),
	}
	for _, where := range p.Secret {
		value, err := readSecret("--secret", where)
		if err != nil {
			return cfg, false, err
		}
		cfg.Secrets = append(cfg.Secrets, providers.Secret{Value: value})
	}
	return cfg, len(cfg.Secrets) > 0, nil
}

// provider finds a vendor, or says which one may have been meant.
func provider(name string) (providers.Spec, error) {
	spec, ok := providers.Lookup(name)
	if ok {
		return spec, nil
	}
	help := "nerve sources providers lists them"
	if near := config.Closest(name, providers.Names()); near != "" {
		help = fmt.Sprintf("did you mean %s? Otherwise, %s", near, help)
	}
	return spec, usageError{fmt.Sprintf("no provider %q: %s", name, help)}
}
