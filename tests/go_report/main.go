// Reads build reports as programs in Go do: into a struct with the published types of the nine public members.
//
// Each line of standard input is a JSON string with one report, or with a log in which one stands between its first and
// last line. Each is answered by one line: the struct as JSON with Go's names, so that a member that was not read shows
// its empty value; or a string, the error.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
)

const (
	firstLine = "---IMAGE BUILD REPORT---\n"
	lastLine  = "\n---END OF IMAGE BUILD REPORT---"
)

type report struct {
	Status         string   `json:"status"`
	Pushed         bool     `json:"pushed"`
	Signed         bool     `json:"signed"`
	ImageName      string   `json:"image_name"`
	ImagesList     []string `json:"images_list"`
	Tags           []string `json:"tags"`
	RepositoryPath string   `json:"repository_path"`
	Digest         string   `json:"digest"`
	Architectures  []string `json:"architectures"`
}

type answer struct {
	Status         string
	Pushed         bool
	Signed         bool
	ImageName      string
	ImagesList     []string
	Tags           []string
	RepositoryPath string
	Digest         string
	Architectures  []string
}

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var text string
		if err := in.Decode(&text); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic(err)
		}
		if _, after, found := strings.Cut(text, firstLine); found {
			text, _, _ = strings.Cut(after, lastLine)
		}
		var read report
		var reply any
		if err := json.Unmarshal([]byte(text), &read); err != nil {
			reply = err.Error()
		} else {
			reply = answer(read)
		}
		if err := out.Encode(reply); err != nil {
			panic(err)
		}
	}
}
