package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/wire"
)

// An AuthKey is a secret of delayed authentication (RFC 3118 5). The zero value is
// none.
type AuthKey struct {
	// ID is what client and server call the secret.
	ID uint32
	// Secret is of 8 to 64 octets.
	Secret []byte
}

const optAuthentication = 90 // RFC 3118 2

func (cfg *Config) checkAuth() error {
	switch n := len(cfg.AuthKey.Secret); {
	case n == 0 && cfg.AuthKey.ID == 0:
	case n < 8 || n > 64:
		return fmt.Errorf("AuthKey: a secret of %d octets, not of 8 to 64", n)
	case cfg.SendOptions[optAuthentication] != nil:
		return errors.New("AuthKey makes option 90, which SendOptions has too")
	case cfg.ForceRenew:
		return errors.New("AuthKey and ForceRenew both take option 90 of an ACK")
	}
	return nil
}

// authenticator is nil without a key.
func (cfg *Config) authenticator() *wire.Authenticator {
	if len(cfg.AuthKey.Secret) == 0 {
		return nil
	}
	// Wall time, which goes on over restarts of the machine too.
	return wire.NewAuthenticator(cfg.AuthKey.ID, cfg.AuthKey.Secret, time.Now)
}
