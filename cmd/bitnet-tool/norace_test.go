//go:build !race

package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

const raceEnabled = false

func watchRaces(m *testing.M) testscript.TestingM { return m }
