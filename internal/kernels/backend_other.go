//go:build !amd64

package kernels

func native() []*Backend { return nil }
