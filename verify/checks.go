package verify

import (
	"context"
	"slices"
)

// Check is one rule.
type Check struct {
	Name     string   // such as "content.scale"; never changes its meaning
	Severity Severity // of its gravest findings
	Cost     Level    // the level it belongs to
	Doc      string   // what holds in a good file, one sentence
	Why      string   // what it means if it does not hold
	Next     string   // what to do then

	// Run gives what it saw, in the order of the file. If it cannot do its work
	// it says so to the Subject.
	Run func(ctx context.Context, s *Subject) []Finding
}

// Checks lists all rules in the order in which they run.
func Checks() []Check {
	return slices.Concat(headerRules(), hashRules(), contentRules(), lineageRules(), smokeRules(), goldenRules(), engineRules())
}
