package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
)

// chatHelp lists what a line of a chat can be beside a message.
const chatHelp = `/reset      forget the conversation, but not the system message
/save FILE  write the conversation to FILE, as JSON
/exit       end; so does Ctrl-D
//TEXT      say TEXT with one slash in front`

// command does what a line that begins with a slash asks for. It tells whether
// the chat is over.
func (ch *chat) command(c *call, line string) (over bool) {
	name, arg, _ := strings.Cut(line, " ")
	switch arg = strings.TrimSpace(arg); name {
	case "/exit", "/quit", "/bye":
		return true
	case "/reset", "/clear":
		ch.reset()
		c.note("the conversation begins anew")
	case "/save":
		if err := ch.save(arg); err != nil {
			c.console.say("error", err.Error())
		} else {
			c.note("saved %d messages to %s", len(ch.messages), arg)
		}
	case "/help", "/?":
		c.note("%s", chatHelp)
	default:
		c.console.say("error", "no command "+word(name)+"; /help lists them, and // says a text that begins with a slash")
	}
	return false
}

// reset forgets all but the system message.
func (ch *chat) reset() {
	keep := 0
	if len(ch.messages) > 0 && ch.messages[0].Role == "system" {
		keep = 1
	}
	ch.messages = ch.messages[:keep]
}

// save writes the messages as programs for training and serving take them: a
// list of objects with role and content.
func (ch *chat) save(path string) error {
	if path == "" {
		return errors.New("/save needs the name of a file")
	}
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	list := make([]message, len(ch.messages))
	for i, m := range ch.messages {
		list[i] = message{m.Role, m.Content}
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	f, err := atomicfile.Create(path, false)
	if errors.Is(err, fs.ErrExist) {
		return errors.New(word(path) + " exists: choose another name")
	}
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(append(b, '\n')); err != nil {
		return err
	}
	return f.Commit()
}
