//go:build !amd64

package digest

const fast = false

func block2(_, _ *[8]uint32, _ []byte) { panic("digest: block2 is not there") }

func messages2(_, _ *[8]uint32, _, _ []byte) { panic("digest: messages2 is not there") }
