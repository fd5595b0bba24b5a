package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
)

// failure is an error with what the command line adds to it. All fields but
// err may be empty.
type failure struct {
	err    error
	code   exitCode // exitOK: decided by [exitOf]
	hint   string   // what to type next
	rule   string   // the check that failed; else the name of the code
	object string   // the file, tensor or key; else found in err
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failf makes an error that ends the process with code.
func failf(code exitCode, format string, args ...any) *failure {
	return &failure{code: code, err: fmt.Errorf(format, args...)}
}

// usagef makes an error about how the tool was called.
func usagef(format string, args ...any) *failure { return failf(exitUsage, format, args...) }

// suggest adds what to type next.
func (f *failure) suggest(format string, args ...any) *failure {
	f.hint = fmt.Sprintf(format, args...)
	return f
}

// hinted adds to err what to type next.
func hinted(err error, format string, args ...any) error {
	return (&failure{err: err}).suggest(format, args...)
}

// first gives the first field of the failures in err's chain that is not empty.
func first[T comparable](err error, field func(*failure) T) T {
	var zero T
	for {
		f, ok := errors.AsType[*failure](err)
		if !ok {
			return zero
		}
		if v := field(f); v != zero {
			return v
		}
		err = f.err
	}
}

// hintOf finds what to type next, "" if nobody said.
func hintOf(err error) string { return first(err, func(f *failure) string { return f.hint }) }

// ruleOf names the check that err failed.
func ruleOf(err error) string {
	return cmp.Or(first(err, func(f *failure) string { return f.rule }), codeOf(err).id())
}

// objectOf names what err is about, "" if nobody said.
func objectOf(err error) string {
	if o := first(err, func(f *failure) string { return f.object }); o != "" {
		return o
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Path
	}
	return ""
}
