// Command yamljson writes the documents of a YAML file on standard input as JSON, a
// line each.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := convert(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "yamljson:", err)
		os.Exit(1)
	}
}

func convert(r io.Reader, w io.Writer) error {
	in, out := yaml.NewDecoder(r), json.NewEncoder(w)
	for {
		var v any
		err := in.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = out.Encode(v)
		}
		if err != nil {
			return err
		}
	}
}
