// Package oci runs containers for tests, by runc(8) and without images: a
// directory with a root file system and a config.json is all that it takes (OCI
// runtime specification, "Filesystem Bundle").
//
//	spec, err := oci.Load("config.json")
//	spec.Join("/run/netns/box")
//	bundle := oci.Bundle{Dir: dir, Spec: spec}
//	bundle.Write()
//	c, err := bundle.Start(ctx, "box", os.Stdout, os.Stderr)
//	c.Kill("TERM")
//	code, err := c.Wait()
//
// The caller is root in a mount namespace of its own (package nettest): how the
// machine has its control groups, or whether, makes no difference then.
package oci
