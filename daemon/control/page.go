package control

import "context"

// Pages is the status page.
type Pages interface {
	// PageLink returns an address that lets a browser of the user into the status
	// page, once within 30 s: at the account of that name, or for "" where a
	// person looks first.
	PageLink(ctx context.Context, account string) (string, error)
}

const callPage = "POST /v1/page"

// PageLink returns an address that lets a browser into the status page once.
func (c *Client) PageLink(ctx context.Context, account string) (string, error) {
	var out openWire
	err := c.call(ctx, callPage, answerTimeout, accountWire{account}, &out)
	return out.URL, err
}
