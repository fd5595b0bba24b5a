// Command hostile writes a corpus of malformed files: GGUF, safetensors,
// tokenizer.json and config.json, each with one thing wrong that has crashed,
// hung or filled the memory of some reader.
//
//	go run ./test/hostile DIR
//
// Its test lets the command line read every one of them in a process of its own:
// each must be refused by name, with little memory and in little time.
// corpus.go says what a case is; gguf.go, safetensors.go and text.go list them.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: hostile DIR")
		os.Exit(2)
	}
	n, err := write(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d files and folders in %s\n", n, os.Args[1])
}
