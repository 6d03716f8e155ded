package home

import (
	"context"

	"shelfkeeper/daemon/problem"
)

// CheckProgram returns an error, a *problem.Problem, where the program that is installed
// could not take this one's place.
func (h *Home) CheckProgram(ctx context.Context) error {
	if h.Program.Path() == "" {
		return problem.Newf(problem.Other, "quit it with `shelfkeeper quit` and start it again", "this Shelfkeeper does not know its own program")
	}
	if _, err := h.Program.Version(ctx); err != nil {
		return problem.New(problem.Other, err, "install Shelfkeeper again; until then the old one goes on")
	}
	return nil
}
