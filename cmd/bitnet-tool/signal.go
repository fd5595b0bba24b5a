package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
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
	i := &interrupts{}
	ctx = context.WithValue(ctx, interruptsKey{}, i)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		for {
			select {
			case s := <-ch:
				if s == syscall.SIGINT && i.deliver() {
					continue
				}
				signal.Stop(ch)
				sig, _ := s.(syscall.Signal)
				cancel(&signalError{sig})
			case <-ctx.Done():
			}
			return
		}
	}()
	return ctx, func() {
		signal.Stop(ch)
		cancel(nil)
	}
}

// interrupts knows what the next SIGINT ends, if not the program.
type interrupts struct {
	mu  sync.Mutex
	end context.CancelFunc
}

type interruptsKey struct{}

func (i *interrupts) set(end context.CancelFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.end = end
}

// deliver ends what wanted to be ended, once.
func (i *interrupts) deliver() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.end == nil {
		return false
	}
	i.end()
	i.end = nil
	return true
}

// untilInterrupt gives a context that the next SIGINT ends instead of the
// program. The function it gives takes that back.
func untilInterrupt(ctx context.Context) (context.Context, func()) {
	i, ok := ctx.Value(interruptsKey{}).(*interrupts)
	ctx, cancel := context.WithCancel(ctx)
	if !ok {
		return ctx, cancel
	}
	i.set(cancel)
	return ctx, func() {
		i.set(nil)
		cancel()
	}
}
