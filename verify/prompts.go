package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Prompt is one question of a baseline: a text, or tokens taken as they are.
type Prompt struct {
	Text   string  `json:"prompt"`
	Tokens []int32 `json:"tokens"`
}

// Limits of baselines and of what they are made from.
const (
	maxPrompts   = 1 << 10
	maxTokens    = 1 << 16 // of a prompt, and of its continuation
	maxTextBytes = 1 << 20
)

// ParsePrompts reads one JSON object a line, {"prompt":"…"} or {"tokens":[…]}.
// Empty lines are skipped. Errors wrap [ErrOption] and name the line.
func ParsePrompts(data []byte) ([]Prompt, error) {
	var ps []Prompt
	for i, line := range bytes.Split(data, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(ps) == maxPrompts {
			return nil, fmt.Errorf("%w: more than %d prompts", ErrOption, maxPrompts)
		}
		p, err := parsePrompt(line)
		if err != nil {
			return nil, fmt.Errorf("%w: prompts, line %d: %w", ErrOption, i+1, err)
		}
		ps = append(ps, p)
	}
	if len(ps) == 0 {
		return nil, fmt.Errorf("%w: no prompts", ErrOption)
	}
	return ps, nil
}

func parsePrompt(line []byte) (Prompt, error) {
	var p Prompt
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return p, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("something follows the JSON object")
	}
	if (p.Text == "") == (len(p.Tokens) == 0) {
		return p, errors.New(`one of "prompt" and "tokens" must be there, and not be empty`)
	}
	if len(p.Tokens) > maxTokens || len(p.Text) > maxTextBytes {
		return p, errors.New("is too long")
	}
	return p, nil
}

// defaultPrompts are short: the further a prompt goes, the more the rounding of
// activations to int8 lets equally right engines drift apart.
func defaultPrompts() []Prompt {
	return []Prompt{
		{Text: "The harbour was"},
		{Text: "She asked him"},
		{Text: "In those days the king"},
		{Text: "One, two, three,"},
	}
}

// defaultText is what the perplexity of a baseline is measured on.
const defaultText = `The lighthouse stood on the last rock of the bay, and from its window the keeper could see the whole of the coast. In the morning the boats went out together, small and dark against the grey water, and in the evening they came back one by one. He wrote their names in a book, with the hour and the weather, as his father had done before him. Most of the lines were the same. Fair, light wind from the west, nine boats out, nine boats in. Now and then there was a line that was not the same, and he did not need the book to remember it.

In winter the days were short and there was little to write. He mended nets by the fire and listened to the sea. When the fog came down he rang the bell, four strokes and a rest, four strokes and a rest, through the night if it had to be. The people of the village said that they slept better when they heard it. It told them that someone was awake.

One day a letter came to say that the light would be changed. A machine would turn it, and another machine would ring the bell, and a man would come twice in the year to see that both were clean. The keeper read the letter two times and put it under the book. Then he went down the stairs to the boat, for it was nearly dark, and there was oil to be fetched before the tide turned.

That night the wind rose. He counted the boats as they passed the point: six, seven, eight. He waited. He rang the bell although there was no fog, and he turned the light by hand when the clockwork stopped. A little before midnight the ninth boat came in under a torn sail, and the men in it looked up and raised their hands. The machine might have done as well, he thought, but it would not have counted. He took the pen and wrote: strong wind from the north, nine boats out, nine boats in.
`
