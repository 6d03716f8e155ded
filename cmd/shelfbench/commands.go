package main

import "github.com/spf13/cobra"

// commands are what shelfbench can measure, one file each.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newFootprint(), newConformance(), newCrash(), newProcesses(), newSurvival(),
		newHandoff(), newHandoffServer(), newHandoffGorilla(), newHandoffStream(),
		newProxy(), newCompare(), newWan(), newOrigin(), newReverseProxy(), newStreams(), newGrowth(),
	}
}
