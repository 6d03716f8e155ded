package home

import (
	"context"
	"net"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/upstream"
)

// Look finds the server behind what a person typed, and says why a secret would
// travel unencrypted to it; plain is empty where it would not. Nothing secret
// leaves. Its error is a *problem.Problem.
func (h *Home) Look(ctx context.Context, address string, change upstream.GatewayChange) (
	server absapi.Server, plain string, said []string, err error,
) {
	ctx, cancel := context.WithTimeout(ctx, signInDeadline)
	defer cancel()
	req := control.SignInRequest{Server: address, Gateway: change}
	gateway, err := h.gatewayOf(ctx, req)
	if err != nil {
		return absapi.Server{}, "", nil, err
	}
	if server, err = h.find(ctx, req, gateway); err != nil {
		return absapi.Server{}, "", nil, err
	}
	if ok, why := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, server.Base); !ok {
		plain = why
	}
	return server, plain, warningsAbout(server), nil
}
