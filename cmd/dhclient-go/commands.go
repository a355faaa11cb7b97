package main

import "io"

// A runner is a program of its own: it gets the arguments behind its name, and
// returns the exit code.
type runner func(args []string, stdout, stderr io.Writer) int

// guises are the programs that this one is when it is called by their name.
var guises map[string]runner

func init() {
	guises = map[string]runner{"dhclient": asDhclient, "udhcpc": asUdhcpc}
}

// A command is a word that stands in the place of an interface and does
// something beside a running client.
type command struct {
	name string
	// help is a line of 53 columns at most.
	help string
	run  runner
}

// commands are in the order of the help.
var commands = []command{}

func findCommand(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}
