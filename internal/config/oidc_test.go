package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nerve-alerts/nerve/internal/config"
)

func loadOIDC(environ ...string) (config.OIDC, error) {
	c, err := config.Load(config.Options{Program: config.Operator, Environ: append([]string{}, environ...)})
	if err != nil {
		return config.OIDC{}, err
	}
	return c.OIDC, nil
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	got, err := loadOIDC()
	require.NoError(t, err)
	assert.Empty(t, got.Issuer)
	got, err = loadOIDC("NERVE_OIDC_ISSUER=https://login.example.com/", "NERVE_OIDC_CLIENT_ID=nerve",
		"NERVE_OIDC_READ=@example.com, group:dev", "NERVE_OIDC_ADMIN=ana@example.com")
	require.NoError(t, err)
	assert.Equal(t, config.OIDC{
		Issuer: "https://login.example.com/", ClientID: "nerve", GroupsClaim: "groups",
		Read: []string{"@example.com", "group:dev"}, Admin: []string{"ana@example.com"},
	}, got, "the issuer stays as its tokens have it, slash and all")
}

func TestOIDCMistakes(t *testing.T) {
	t.Parallel()
	issuer, client, read := "NERVE_OIDC_ISSUER=https://login.example.com", "NERVE_OIDC_CLIENT_ID=nerve", "NERVE_OIDC_READ=@example.com"
	for name, tc := range map[string]struct {
		environ []string
		want    string
	}{
		"no issuer":        {[]string{client, read}, "oidc.issuer"},
		"no client":        {[]string{issuer, read}, "any login at the issuer would do"},
		"nobody":           {[]string{issuer, client}, "nobody may log in"},
		"plain http":       {[]string{"NERVE_OIDC_ISSUER=http://login.example.com", client, read}, "is not https"},
		"no address":       {[]string{"NERVE_OIDC_ISSUER=login.example.com", client, read}, "not an http or https address"},
		"everybody":        {[]string{issuer, client, "NERVE_OIDC_READ=*"}, "neither an address, a domain nor a group"},
		"no group's name":  {[]string{issuer, client, "NERVE_OIDC_READ=group:"}, "neither an address"},
		"everybody's mail": {[]string{issuer, client, "NERVE_OIDC_READ=@*"}, "neither an address"},
	} {
		_, err := loadOIDC(tc.environ...)
		require.ErrorContains(t, err, tc.want, name)
	}
	_, err := loadOIDC("NERVE_OIDC_ISSUER=http://127.0.0.1:9000", client, read)
	require.NoError(t, err, "one on this machine, for a try")
}
