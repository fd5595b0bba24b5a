package runtime

import (
	"runtime/debug"
	"unsafe"
)

// Mapped weights are the file's own bytes. If someone shortens the file,
// touching what is gone is a memory fault, which normally ends the process.
// Every goroutine that reads weights therefore asks for a panic instead and
// turns it into ErrFileChanged.

// guard runs f and turns a fault in a mapped file into an error.
func (m *Model) guard(f func() error) (err error) {
	if m.mapped == nil {
		return f()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.mapped.recoverFault(&err)
	return f()
}

// recoverFault is to be deferred. It stops a panic that is a fault at an
// address in a mapped file; any other goes on.
func (m *mapped) recoverFault(err *error) {
	r := recover()
	if r == nil {
		return
	}
	fault, ok := r.(interface{ Addr() uintptr })
	if !ok || !m.has(fault.Addr()) {
		panic(r)
	}
	*err = ErrFileChanged
}

// has reports whether an address is in a mapped file.
func (m *mapped) has(addr uintptr) bool {
	for _, v := range m.views {
		start := uintptr(unsafe.Pointer(unsafe.SliceData(v.Bytes())))
		if addr >= start && addr-start < uintptr(len(v.Bytes())) {
			return true
		}
	}
	return false
}
