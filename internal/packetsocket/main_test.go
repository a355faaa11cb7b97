package packetsocket

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) {
	nettest.Enter()
	goleak.VerifyTestMain(m)
}
