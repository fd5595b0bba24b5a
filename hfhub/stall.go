package hfhub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// errStalled is the end of a connection that gave nothing for too long.
var errStalled = errors.New("stalled")

// A connection that gives less than floorBytes in floorTime counts as stalled
// too: another one may do better.
const (
	floorTime  = 60 * time.Second
	floorBytes = 60 << 10
)

// watchdog ends a request whose peer is silent. Time counts only while we
// wait for the peer, between arm and rest.
type watchdog struct {
	idle  time.Duration
	stop  context.CancelCauseFunc
	timer *time.Timer
}

func (d *watchdog) arm() {
	if d.timer == nil {
		d.timer = time.AfterFunc(d.idle, func() {
			d.stop(fmt.Errorf("%w: no byte for %v", errStalled, d.idle))
		})
		return
	}
	d.timer.Reset(d.idle)
}

func (d *watchdog) rest() { d.timer.Stop() }

// watchedBody is the body of an answer under a watchdog.
type watchedBody struct {
	io.ReadCloser
	dog  *watchdog
	fail func(error) error // explains an error of the connection

	waited time.Duration // in Read, since the floor was checked
	got    int64
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.dog.arm()
	start := time.Now()
	n, err := b.ReadCloser.Read(p)
	b.waited += time.Since(start)
	b.dog.rest()
	b.got += int64(n)
	if err != nil && err != io.EOF {
		return n, b.fail(err)
	}
	if b.waited >= floorTime {
		if b.got < floorBytes && err == nil {
			return n, b.fail(fmt.Errorf("%w: %d bytes in %v", errStalled, b.got, b.waited.Round(time.Second)))
		}
		b.waited, b.got = 0, 0
	}
	return n, err
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.dog.rest()
	b.dog.stop(nil)
	return err
}
