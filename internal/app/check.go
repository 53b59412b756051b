package app

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/nerve-alerts/nerve/internal/config"
	"github.com/nerve-alerts/nerve/internal/outbound"
	"github.com/nerve-alerts/nerve/internal/privacy"
	"github.com/nerve-alerts/nerve/internal/registry"
	"github.com/nerve-alerts/nerve/providers"
)

// check finds the mistakes that only those who use a value can see, so that they
// are told together with all others. What is missing was told already.
func check(cfg *config.Config) config.Errors {
	var errs config.Errors
	if k := cfg.Keyset.Reveal(); k != "" {
		if _, err := privacy.ParseKeyset([]byte(k)); err != nil {
			errs = append(errs, config.Mistake{
				Key: "NERVE_KEYSET (keyset)", Problem: "is not a usable keyset: " + cause(err), Fix: "Make one with: nerve keys new",
			})
		}
	}
	if u := cfg.RedisURL.Reveal(); u != "" {
		if _, err := redis.ParseURL(u); err != nil { // the error may quote the password
			errs = append(errs, config.Mistake{
				Key: "REDIS_URL (redis.url)", Problem: "is not an address that Redis is reached at", Fix: "Write it like redis://:password@host:6379/0",
			})
		}
	}
	errs = append(errs, checkOutbound(cfg)...)
	for _, s := range cfg.Sources {
		spec, err := registry.SpecOf(s)
		if err != nil && s.Mapping != "" {
			errs = append(errs, config.Mistake{Key: "sources[" + s.Name + "].mapping", Problem: cause(err), Fix: "See docs/mappings.md"})
		}
		if err != nil || len(s.Secrets) == 0 && s.MinAssurance != string(providers.AssuranceNone) {
			continue
		}
		if _, err := spec.New(registry.ProviderConfig(s, func() string { return "" })); err != nil {
			fix := "Check the secret"
			if spec.SecretHelp != "" {
				fix = spec.SecretHelp
			}
			errs = append(errs, config.Mistake{Key: "sources[" + s.Name + "]", Problem: cause(err), Fix: strings.TrimSuffix(fix, ".")})
		}
	}
	return errs
}

// checkOutbound finds secrets that nothing could be signed with.
func checkOutbound(cfg *config.Config) config.Errors {
	var errs config.Errors
	signs := func(key string, secret config.Secret) {
		if secret == "" {
			return
		}
		if _, err := outbound.ParseKey(secret.Reveal()); err != nil {
			errs = append(errs, config.Mistake{Key: key, Problem: cause(err), Fix: "Make one with: echo whsec_$(openssl rand -base64 32)"})
		}
	}
	signs("NERVE_CREDITS_SECRET (credits.secret)", cfg.Outbound.CreditsSecret)
	for _, s := range cfg.Outbound.Subscribers {
		signs("events.subscribers["+s.Name+"].secret", s.Secret)
	}
	return errs
}

// cause drops the package's prefix, which says nothing to an operator.
func cause(err error) string {
	text := err.Error()
	for _, prefix := range []string{"privacy: ", "providers: ", "outbound: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}
