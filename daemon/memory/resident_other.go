//go:build !linux

package memory

import "runtime/metrics"

// resident returns the bytes that the runtime holds of the system: this process has hardly
// any others.
func resident() int64 {
	all := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(all)
	return int64(all[0].Value.Uint64()) - int64(all[1].Value.Uint64())
}
