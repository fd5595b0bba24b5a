package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// ErrNoMeter reports that the machine does not tell how much energy it takes.
var ErrNoMeter = errors.New("no energy counter")

// Meter reads the energy counters of a machine's processors: RAPL, as Linux
// shows it in /sys/class/powercap (Documentation/power/powercap in the kernel's
// source). They count everything that runs on the machine. A nil Meter counts
// nothing.
type Meter struct {
	sys     fs.FS
	domains []domain
}

// domain is the counter of one processor package.
type domain struct {
	file string
	wrap uint64 // microjoules after which it begins at 0 again
}

// NewMeter finds the counters in /sys/class/powercap, given as a file system.
// Without any that can be read the error is an ErrNoMeter that tells why: on
// most systems only root may read them.
func NewMeter(powercap fs.FS) (*Meter, error) {
	names, err := fs.Glob(powercap, "*/name")
	if err != nil {
		return nil, err
	}
	m := &Meter{sys: powercap}
	for _, name := range names {
		b, err := fs.ReadFile(powercap, name)
		// The others are parts of a package, or of the whole machine.
		if err != nil || !strings.HasPrefix(string(b), "package-") {
			continue
		}
		dir := path.Dir(name)
		d := domain{file: path.Join(dir, "energy_uj")}
		if d.wrap, err = m.number(path.Join(dir, "max_energy_range_uj")); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoMeter, err)
		}
		if _, err := m.number(d.file); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoMeter, err)
		}
		m.domains = append(m.domains, d)
	}
	if len(m.domains) == 0 {
		return nil, fmt.Errorf("%w: no RAPL package domain in /sys/class/powercap", ErrNoMeter)
	}
	return m, nil
}

func (m *Meter) number(file string) (uint64, error) {
	b, err := fs.ReadFile(m.sys, file)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

// read gives what the counters are at, in microjoules.
func (m *Meter) read() ([]uint64, error) {
	if m == nil {
		return nil, nil
	}
	at := make([]uint64, len(m.domains))
	for i, d := range m.domains {
		var err error
		if at[i], err = m.number(d.file); err != nil {
			return nil, err
		}
	}
	return at, nil
}

// since gives the joules since before. A counter may have wrapped once.
func (m *Meter) since(before []uint64) (joules float64, err error) {
	after, err := m.read()
	if err != nil {
		return 0, err
	}
	for i, now := range after {
		if now < before[i] {
			now += m.domains[i].wrap
		}
		joules += float64(now-before[i]) / 1e6
	}
	return joules, nil
}
