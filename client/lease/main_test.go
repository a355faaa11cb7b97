package lease

import (
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// The tests mount and make what they need out of the machine's sight.
func TestMain(m *testing.M) { nettest.Main(m) }
