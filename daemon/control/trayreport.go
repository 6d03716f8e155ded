package control

import (
	"context"

	"shelfkeeper/daemon/health"
)

// callTray tells what became of the icon.
const callTray = "POST /v1/tray"

// TrayReports is an optional interface of a Daemon: it hears from the tray
// whether a panel shows the icon.
type TrayReports interface {
	ReportTray(health.Tray)
}

// ReportTray tells the daemon whether a panel shows the icon.
func (c *Client) ReportTray(ctx context.Context, state health.Tray) error {
	return c.call(ctx, callTray, answerTimeout, state, nil)
}
