package main

import (
	"fmt"
	"io"
	"strings"
)

// A runner is a program of its own: it gets the arguments behind its name, and
// returns the exit code.
type runner func(args []string, stdout, stderr io.Writer) int

// guises are the programs that this one is when it is called by their name.
var guises map[string]runner

// A command is a word that stands in the place of an interface and does
// something beside a running client.
type command struct {
	name string
	// help is a line of 53 columns at most.
	help string
	run  runner
	// args are its arguments, flags its flags, and more is what else its own
	// help says.
	args  string
	flags []flagRow
	more  string
}

// commands are in the order of the help.
var commands []command

// What the tables name reads the tables: Go wants that to be said so.
func init() {
	guises = map[string]runner{"dhclient": asDhclient, "udhcpc": asUdhcpc, "init": asInit}
	commands = append([]command{initCommand(), agentCommand(), informCommand()}, controlCommands()...)
	for i := range commands {
		if c := &commands[i]; c.run == nil {
			panic("no runner for " + c.name)
		}
	}
}

func findCommand(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

// with makes a runner of what a command does with its options.
func with(name string, do func(o *options, stdout, stderr io.Writer) (code int, err error)) runner {
	return func(args []string, stdout, stderr io.Writer) int {
		c, code := findCommand(name), exitDone
		o, err := read(args, c.flags, addInterface)
		switch {
		case err != nil && !is[*usageError](err):
			err = &usageError{problem: err.Error()}
		case err == nil && o.help:
			c.printHelp(stdout)
		case err == nil:
			code, err = do(o, stdout, stderr)
		}
		if err != nil {
			complain(stderr, err)
			return exitCode(err)
		}
		return code
	}
}

// printHelp writes what `help COMMAND` prints.
func (c *command) printHelp(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: dhclient-go %s\n\n%s\n", strings.TrimSpace(c.name+" "+c.args), strings.TrimSpace(c.more))
	if len(c.flags) > 0 {
		b.WriteString("\nFlags\n")
		writeFlags(&b, c.flags)
	}
	_, _ = io.WriteString(w, b.String())
}

// help is the command of that name.
func help(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0 || args[0] == "--help" || args[0] == "-h":
		printHelp(stdout)
		return exitDone
	case len(args) == 1 && findCommand(args[0]) != nil:
		findCommand(args[0]).printHelp(stdout)
		return exitDone
	}
	complain(stderr, badUsage("no command %q (help lists them)", strings.Join(args, " ")))
	return exitUsage
}
