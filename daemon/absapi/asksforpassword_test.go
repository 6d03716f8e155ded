package absapi

import (
	"net/http"
	"strings"
	"testing"
)

// A gateway may offer several ways in; a password helps where Basic is among them, and
// nowhere else, whatever the words of the others look like.
func TestGatewayThatTakesAPasswordAmongOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ways []string
		want bool
	}{
		{[]string{`Basic realm="x"`}, true}, {[]string{"Negotiate", `Basic realm="x"`}, true}, {[]string{"NTLM", "BASIC"}, true},
		{[]string{`Digest realm="a, b", nonce="x", Basic realm="y"`}, true}, {[]string{`Digest realm="basic"`}, false},
		{[]string{"Negotiate"}, false}, {[]string{`Bearer realm="x", scope="basic"`}, false}, {[]string{"Basically"}, false},
		{[]string{",,, "}, false}, {nil, false},
	} {
		is := AnswerObstacle(http.StatusUnauthorized, http.Header{"Www-Authenticate": c.ways}, []byte("<html>no</html>"))
		if strings.Contains(is.Remedy, "--basic") != c.want {
			t.Errorf("%q: %s", c.ways, is.Remedy)
		}
	}
}
