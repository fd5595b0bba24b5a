// Command arm64 writes the kernels for arm64 into the directory it is given:
// those of the backend neon, which every such processor can run, and for the
// products of int8 those of dotprod, which have SDOT.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: arm64 DIRECTORY")
		os.Exit(2)
	}
	for _, k := range []struct {
		name  string
		write func(*file)
	}{
		{"ternary", ternary},
		{"panel", panel},
		{"float", floats},
		{"layer", layer},
		{"attention", attention},
		{"convert", converter},
		{"screen", screen},
	} {
		f := &file{}
		k.write(f)
		if err := f.write(os.Args[1], k.name); err != nil {
			fmt.Fprintln(os.Stderr, "arm64:", err)
			os.Exit(1)
		}
	}
}
