package registry

import (
	"fmt"
	"os"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/providers"
)

// SpecOf finds a source's provider: the vendor's, or what its mapping describes.
func SpecOf(s config.Source) (providers.Spec, error) {
	switch {
	case s.MappingText != "":
		return providers.Custom(s.Provider, "mapping", []byte(s.MappingText))
	case s.Mapping != "":
		text, err := os.ReadFile(s.Mapping)
		if err != nil {
			return providers.Spec{}, fmt.Errorf("cannot be read: %w", err)
		}
		return providers.Custom(s.Provider, s.Mapping, text)
	}
	spec, ok := providers.Lookup(s.Provider)
	if !ok {
		return spec, fmt.Errorf("there is no provider %q", s.Provider)
	}
	return spec, nil
}

// VendorOf is what a source's vendor asks for. A vendor that is not there asks
// for nothing: that it is not there is told elsewhere.
func VendorOf(s config.Source) config.Vendor {
	spec, err := SpecOf(s)
	if err != nil {
		return config.Vendor{}
	}
	return config.Vendor{Window: spec.Window, SecretMin: spec.SecretMin}
}

// ProviderConfig is what a source's provider is built from. self returns nerve's
// own Slack bot id.
func ProviderConfig(s config.Source, self func() string) providers.Config {
	secrets := make([]providers.Secret, len(s.Secrets))
	for n, secret := range s.Secrets {
		secrets[n] = providers.Secret{Value: secret.Value.Reveal(), ID: secret.ID, NotBefore: secret.NotBefore, NotAfter: secret.NotAfter}
	}
	return providers.Config{
		Secrets: secrets, Schemes: s.Schemes, AllowWeak: s.AllowWeak, PublicURL: s.PublicURL,
		TolerancePast: s.TolerancePast, ToleranceFuture: s.ToleranceFuture, SelfBotID: self,
	}
}

// parse reads an entry by the rules of the file.
func parse(e config.Entry, base config.Source) (config.Source, error) {
	return config.ParseEntry(e, base, config.Options{Providers: providers.Names(), Vendor: VendorOf})
}

func nobody() string { return "" }
