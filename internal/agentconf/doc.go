// Package agentconf reads the config file of `dhclient-go agent`: a TOML document
// (https://toml.io/en/v1.0.0) with three kinds of sections.
//
//	[agent]                      # the process, once
//	match = ["veth*"]
//	[defaults]                   # every link, once
//	acd = "off"
//	[[link]]                     # a kind of links; the first that fits counts
//	match = "driver:virtio_net"
//	metric = 50
//
// It knows the sections and, of a [[link]], the keys that say which links are
// meant: match, netns and serve. All other keys are flags of the program, whose
// meaning is known there alone: here they are words with the line they stand in.
//
// # Why TOML, and why this library
//
// In YAML `no` is a boolean, 010 is eight, and a tab is an error: a file that an
// administrator writes by hand should mean what it shows. For TOML there are two
// libraries in wide use, both under the MIT licence and both with a release
// within the year. Added to a program that already links what this one does,
// pelletier/go-toml/v2 as a whole takes 276 KiB, go.yaml.in/yaml/v3 216 KiB,
// BurntSushi/toml 180 KiB, and the parser of go-toml without its decoder, package
// unstable, 84 KiB. That one is what is used: it gives one expression after the
// other with the place of each in the file, which errors need and the decoders
// lose, and uses no reflection. Its name says that its API may change; it is
// used in one file, parse.go, and go.mod pins the version.
//
// What a decoder would do beside is done here: a key or a section that stands
// twice is refused, and values are one of three types, or a list of them.
package agentconf
