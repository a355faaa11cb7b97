package attach

import (
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) { nettest.Main(m) }
