package runtime

import (
	"runtime/debug"
	"unsafe"
)

// Mapped weights are the file's own bytes. If someone shortens the file,
// touching what is gone is a memory fault, which normally ends the process.
// Every goroutine that reads weights therefore asks for a panic instead and
// turns it into ErrFileChanged.

// guard runs f and turns a fault in the mapped file into an error.
func (m *Model) guard(f func() error) (err error) {
	if m.mapping == nil {
		return f()
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverFault(m.mapping.Bytes(), &err)
	return f()
}

// recoverFault is to be deferred. It stops a panic that is a fault at an
// address in data; any other goes on.
func recoverFault(data []byte, err *error) {
	r := recover()
	if r == nil {
		return
	}
	fault, ok := r.(interface{ Addr() uintptr })
	start := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	if !ok || fault.Addr() < start || fault.Addr()-start >= uintptr(len(data)) {
		panic(r)
	}
	*err = ErrFileChanged
}
