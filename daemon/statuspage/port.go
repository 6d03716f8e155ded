package statuspage

import (
	"context"
	"strconv"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/dashboard"
)

// The ports among which the page of a second user of a machine looks for one. They lie
// away from those of accounts, which begin right behind the page's usual one.
const (
	firstOther = 100 // behind the usual one
	otherPorts = 100
)

// ownPort returns the port of this user's page. Where another user of the machine has
// the usual one, it is another, which is kept: each user has a page. A port that was
// chosen stays, and is a condition where it is taken.
func (c Config) ownPort(usual int) int {
	port := c.Config.PagePort
	if _, given := c.Disk.Setting("page_port"); given || port != usual || !dashboard.OtherUserHas(port, c.OwnUID) {
		return port
	}
	for other := usual + firstOther; other < usual+firstOther+otherPorts; other++ {
		if !dashboard.Free(other) {
			continue
		}
		if err := c.Disk.SetSetting(context.Background(), []string{"page_port"}, []string{strconv.Itoa(other)}); err != nil {
			c.Log.Warn("the status page's own port is not kept", "port", other, "reason", err)
			continue // it may be an account's
		}
		c.Log.Info("another user of this machine has the status page's usual port: this user's page has one of its own", "port", other)
		return other
	}
	return port
}

// usualPort is that of the page where config.toml says nothing.
const usualPort = accounts.StatusPort
