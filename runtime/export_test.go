package runtime

// ScreenAlways lets m screen from the first token on, however small its head,
// and rest for so many tokens where that is of no use. It comes before the first
// session.
func ScreenAlways(m *Model, rest int) *Model {
	m.screening.able = screenable(m.head, 0)
	m.screening.after, m.screening.rest = 0, rest
	return m
}
