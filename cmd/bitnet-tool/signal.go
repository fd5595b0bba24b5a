package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// signalError is why a context ended.
type signalError struct{ sig syscall.Signal }

func (e *signalError) Error() string        { return fmt.Sprintf("stopped by a signal: %v", e.sig) }
func (e *signalError) Is(target error) bool { return target == context.Canceled }
func (e *signalError) code() exitCode       { return 128 + exitCode(e.sig) }

// untilSignal gives a context that SIGINT or SIGTERM ends. The process keeps
// running so that it can clean up; the next signal kills it.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-ch:
			signal.Stop(ch)
			sig, _ := s.(syscall.Signal)
			cancel(&signalError{sig})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		cancel(nil)
	}
}
