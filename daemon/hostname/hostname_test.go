package hostname

import "testing"

func TestLower(t *testing.T) {
	for host, want := range map[string]string{
		"ABS.Example:13378": "abs.example:13378", "[FE80::1%Eth0]:80": "[fe80::1%Eth0]:80", "FE80::A%Wi-Fi": "fe80::a%Wi-Fi",
		"Bücher.Example": "bücher.example", "": "",
	} {
		if got := Lower(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}
