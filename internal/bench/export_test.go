package bench

// SinceForTest gives the joules since before, after change.
func SinceForTest(m *Meter, before []uint64, change func()) float64 {
	change()
	j, err := m.since(before)
	if err != nil {
		panic(err)
	}
	return j
}
