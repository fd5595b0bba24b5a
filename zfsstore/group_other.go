//go:build !unix

package zfsstore

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }
