// Renders templates with Go's own text/template, as the reference that our interpreter is compared with.
//
// Standard input is a stream of JSON values: first an object with the fields and the environment, then one string for
// each source, in base64, because a source may hold any bytes. Each source is answered by one line: the text in base64,
// or the error.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/template"
	"time"
)

const (
	mostOutput = 1 << 20
	mostTime   = 10 * time.Second
)

type request struct {
	CommitSHA   string
	PRNumber    string
	Seconds     int64
	Nanosecond  int64
	Environment map[string][]byte
}

type answer struct {
	Text  []byte `json:"text"`
	Error string `json:"error,omitempty"`
}

// Tagger is the root value; its exported fields and its method are all that a template sees.
type Tagger struct {
	CommitSHA, ShortSHA, PRNumber string
	Time                          time.Time
	Date                          string
	environment                   map[string][]byte
}

// Env gives the value of a variable, empty when it is not set.
func (t *Tagger) Env(name string) string { return string(t.environment[name]) }

type limited struct{ bytes.Buffer }

func (l *limited) Write(data []byte) (int, error) {
	if l.Len()+len(data) > mostOutput {
		return 0, errors.New("too much output")
	}
	return l.Buffer.Write(data)
}

func render(asked request, source string) (result answer) {
	defer func() {
		if failure := recover(); failure != nil {
			result = answer{Error: fmt.Sprint("panic: ", failure)}
		}
	}()
	moment := time.Unix(asked.Seconds, asked.Nanosecond).UTC()
	short := []rune(asked.CommitSHA)
	root := &Tagger{
		CommitSHA:   asked.CommitSHA,
		ShortSHA:    string(short[:min(8, len(short))]),
		PRNumber:    asked.PRNumber,
		Time:        moment,
		Date:        moment.Format("20060102"),
		environment: asked.Environment,
	}
	parsed, err := template.New("tag").Parse(source)
	if err != nil {
		return answer{Error: err.Error()}
	}
	var output limited
	if err := parsed.Execute(&output, root); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Text: append([]byte{}, output.Bytes()...)}
}

func inTime(asked request, source string) answer {
	done := make(chan answer, 1)
	go func() { done <- render(asked, source) }()
	select {
	case result := <-done:
		return result
	case <-time.After(mostTime):
		return answer{Error: "took too long"}
	}
}

func main() {
	time.Local = time.UTC
	input, output := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var asked request
	err := input.Decode(&asked)
	for err == nil {
		var source []byte
		if err = input.Decode(&source); err == nil {
			err = output.Encode(inTime(asked, string(source)))
		}
	}
	if err != io.EOF {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
