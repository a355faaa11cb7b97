package places_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/cni"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A manifest is what a test looks at in a file for Kubernetes.
type manifest struct {
	Kind string
	Spec struct {
		Config   string
		Template struct {
			Spec struct {
				HostNetwork, HostPID       bool
				InitContainers, Containers []container
				Volumes                    []struct{ Name string }
			}
		}
	}
}

type container struct {
	Command         []string
	SecurityContext struct {
		Privileged   bool
		Capabilities struct{ Drop, Add []string }
	}
	VolumeMounts []struct{ Name, MountPath, MountPropagation string }
}

// manifests reads a file of examples/kubernetes.
func manifests(t *testing.T, name string) (all []manifest) {
	t.Helper()
	if yamljson == nil {
		missing(t, "yamljson could not be built")
	}
	path := filepath.Join(t.TempDir(), "yamljson")
	put(t, path, 0o755, yamljson)
	b, err := os.ReadFile(filepath.Join(root, "examples", "kubernetes", name))
	must(t, err)
	cmd := exec.Command(path)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for in := json.NewDecoder(bytes.NewReader(out)); ; {
		var m manifest
		if err := in.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, m)
	}
}

// has says that a path of the container is on a volume that there is.
func (c *container) has(path string) bool {
	for _, m := range c.VolumeMounts {
		if path == m.MountPath || strings.HasPrefix(path, m.MountPath+"/") {
			return true
		}
	}
	return false
}

// What the DaemonSet runs is what there is: the flags, the paths, and no more
// capabilities than the agent of the other tests has.
func TestKubernetes_DaemonSet(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	all := manifests(t, "daemonset.yaml")
	if len(all) != 1 || all[0].Kind != "DaemonSet" {
		t.Fatalf("%+v", all)
	}
	pod := all[0].Spec.Template.Spec
	if !pod.HostNetwork || !pod.HostPID || len(pod.InitContainers) != 1 || len(pod.Containers) != 1 {
		t.Fatalf("%+v", pod)
	}
	dir := t.TempDir()
	for name, program := range programs {
		put(t, filepath.Join(dir, name), 0o755, program)
	}
	first, agent := pod.InitContainers[0], pod.Containers[0]
	target := t.TempDir()
	if argv := first.Command; len(argv) != 3 || !first.has(argv[2]) {
		t.Errorf("it installs by %q", argv)
	} else if out, err := exec.Command(filepath.Join(dir, argv[0]), argv[1], target).CombinedOutput(); err != nil {
		t.Errorf("install: %v\n%s", err, out)
	}
	if b, err := os.ReadFile(filepath.Join(target, "dhclient-go-cni")); err != nil || !bytes.Equal(b, programs["dhclient-go-cni"]) {
		t.Errorf("installed are %d octets, %v", len(b), err)
	}
	argv := agent.Command
	if out, err := exec.Command(filepath.Join(dir, argv[0]), append(slices.Clone(argv[1:]), "--version")...).CombinedOutput(); err != nil {
		t.Errorf("%q: %v\n%s", argv, err, out)
	}
	if !slices.Contains(argv, "--cni="+cni.DefaultSocket) {
		t.Errorf("the plugin does not find the agent that listens by %q", argv)
	}
	for _, path := range []string{cni.DefaultSocket, "/var/lib/dhclient-go/cni", "/run/netns/x", "/var/run/netns/x"} {
		if !agent.has(path) {
			t.Errorf("%s is on no volume", path)
		}
	}
	for _, m := range agent.VolumeMounts {
		if m.Name == "netns" && m.MountPropagation != "HostToContainer" {
			t.Errorf("%s: later namespaces are not seen", m.MountPath)
		}
	}
	caps := agent.SecurityContext
	if caps.Privileged || !slices.Equal(caps.Capabilities.Drop, []string{"ALL"}) ||
		!slices.Equal(caps.Capabilities.Add, strings.Split(strings.ToUpper(strings.Join(agentCapabilities, ",")), ",")) {
		t.Errorf("capabilities: %+v", caps)
	}
}

// The network's configuration is one that the plugin takes.
func TestKubernetes_Network(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	all := manifests(t, "network.yaml")
	if len(all) != 1 || all[0].Kind != "NetworkAttachmentDefinition" {
		t.Fatalf("%+v", all)
	}
	path := filepath.Join(t.TempDir(), "dhclient-go-cni")
	put(t, path, 0o755, programs["dhclient-go-cni"])
	cmd := exec.Command(path)
	cmd.Stdin = strings.NewReader(all[0].Spec.Config)
	cmd.Env = []string{"CNI_COMMAND=ADD", "CNI_CONTAINERID=c1", "CNI_IFNAME=net1", "CNI_NETNS=/nowhere", "CNI_PATH=/x",
		"CNI_ARGS=K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0"}
	if out, _ := cmd.Output(); !strings.Contains(string(out), "CNI_NETNS") { // what comes after the configuration
		t.Errorf("%s", out)
	}
	cmd = exec.Command(path)
	cmd.Stdin = strings.NewReader(all[0].Spec.Config)
	cmd.Env = []string{"CNI_COMMAND=ADD", "CNI_CONTAINERID=c1", "CNI_IFNAME=net1", "CNI_NETNS=/nowhere", "CNI_PATH=/x"}
	if out, _ := cmd.Output(); !strings.Contains(string(out), "K8S_POD_NAME") {
		t.Errorf("without the pod's name: %s", out)
	}
}
