package livesocket_test

import (
	"testing"

	"shelfkeeper/daemon/proxy/proxytest"
)

func TestMain(m *testing.M) { proxytest.Main(m) }
