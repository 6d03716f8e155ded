package notify

import (
	"context"
	"image"
	"log/slog"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"git.sr.ht/~jackmordaunt/go-toast/v2/wintoast"
)

// toastApp is the name under which Windows lists our messages.
const toastApp = "Shelfkeeper"

// clearToasts is what PowerShell runs to take our messages away. The library knows no
// names of single messages, and so no way to take one of several.
const clearToasts = `[Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ` +
	`ContentType = WindowsRuntime] > $null; ` +
	`[Windows.UI.Notifications.ToastNotificationManager]::History.Clear('` + toastApp + `')`

// toastGUID is the class that Windows calls back when a message is clicked; made once
// for Shelfkeeper.
const toastGUID = "{8D3C2F14-6A5E-4B0B-9E52-3B1B6E7C9A41}"

// Notifier shows notices in Windows' own centre. Make it with New and Run it.
type Notifier struct{ *caller }

// New returns a Notifier. page is not needed: Windows tells this process of a click.
func New(_ image.Image, _ func(account string) []string, log *slog.Logger) *Notifier {
	return &Notifier{newCaller(&toasts{clicks: map[string]func(){}}, log)}
}

// Run is caller.Run, on one thread, since COM belongs to threads.
func (n *Notifier) Run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n.caller.Run(ctx)
}

// toasts are the messages of Windows 10 and newer, through COM. The library's way through
// PowerShell is left out: a script would hold what a server said.
type toasts struct {
	ready sync.Once
	wrong error

	mu     sync.Mutex
	clicks map[string]func()
}

func (t *toasts) show(_ context.Context, n Notice, clicked func()) error {
	t.ready.Do(func() {
		wintoast.SetActivationCallback(func(_, key string, _ []wintoast.UserData) { t.click(key) })
		t.wrong = wintoast.SetAppData(wintoast.AppData{AppID: toastApp, GUID: toastGUID})
	})
	if t.wrong != nil {
		return t.wrong
	}
	t.mu.Lock()
	t.clicks[n.Key] = clicked
	t.mu.Unlock()
	return wintoast.Push(toastApp, toastXML(n))
}

func (t *toasts) click(key string) {
	t.mu.Lock()
	clicked := t.clicks[key]
	t.mu.Unlock()
	if clicked != nil {
		clicked()
	}
}

// clear waits until no message holds: of several none can be taken alone.
func (t *toasts) clear(ctx context.Context, n Notice, rest bool) error {
	t.mu.Lock()
	delete(t.clicks, n.Key)
	t.mu.Unlock()
	if rest {
		return nil
	}
	cmd := exec.CommandContext(ctx, "powershell.exe", "-NoProfile", "-NonInteractive", "-Command", clearToasts)
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true}
	return cmd.Run()
}
