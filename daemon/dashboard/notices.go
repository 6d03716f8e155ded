package dashboard

import (
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
)

// noticeView is a condition that belongs to no listed account.
type noticeView struct {
	Text, Remedy string
	Forget       string // the account that a button erases here; "" for none
	Moves        bool   // a button moves over to the program that is installed
}

// notices are what is to be said beside the accounts: another version is installed,
// no panel shows the icon, or the vault holds sessions of accounts that are not
// listed.
func notices(s health.Snapshot) (list []noticeView) {
	if s.Installed != "" {
		list = append(list, noticeView{Text: text("installed", s.Installed), Moves: true})
	}
	if u := s.Unlisted; u != nil {
		for _, name := range u.Accounts {
			list = append(list, noticeView{Text: redact.Text(u.Reason), Remedy: text("forget.unlisted"), Forget: name})
		}
	}
	if t := s.Tray; t != nil {
		list = append(list, noticeView{Text: text("tray.none", t.Reason), Remedy: t.Remedy})
	}
	return list
}
