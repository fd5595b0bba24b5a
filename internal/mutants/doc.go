// Command mutants measures what package verify finds. It breaks the trained
// test models in many ways, verifies every broken file without the checkpoint
// and without a baseline, and holds the verdict against the damage: by how much
// the mutant predicts a text worse than the model it was made from.
//
//	go run ./internal/mutants -seed 1
//
// classes.go lists the ways to break a file, good.go the variants that must
// pass, study.go runs them, table.go prints the confusion table of
// docs/mutants.md.
package main
