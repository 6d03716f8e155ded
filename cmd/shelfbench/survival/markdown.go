package survival

import (
	"fmt"
	"io"
	"strconv"
)

// Markdown writes the rows as the documentation shows them.
func (r *Report) Markdown(out io.Writer) error {
	fmt.Fprintln(out, "| release | account | client | rotations | lost on the way | lost for certain | sessions burned | sign-ins by hand | "+
		"for certain | passwords sent | most auth requests in 10 min | 401 for players | other errors | of requests | 95 % waited at most |")
	fmt.Fprintln(out, "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, row := range r.Rows {
		strong := ""
		if row.Client == ours {
			strong = "**"
		}
		cells := []string{row.Release, row.Account, strong + row.Client + strong}
		for _, n := range []int{
			row.Rotations, row.RotationsLost, row.LossesCertain, row.SessionsBurned, row.SignIns, row.SignInsCertain, row.PasswordLogins,
			row.MaxAuth, row.Player401, row.PlayerErrors, row.PlayerRequests,
		} {
			cells = append(cells, strong+thousands(n)+strong)
		}
		cells = append(cells, strong+thousands(row.WaitP95)+" ms"+strong)
		for _, c := range cells {
			fmt.Fprint(out, "| ", c, " ")
		}
		if _, err := fmt.Fprintln(out, "|"); err != nil {
			return err
		}
	}
	return nil
}

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
