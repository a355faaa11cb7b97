package helper

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// play is another program that has a helper.
func play(role string) int {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "looks") {
		return looks()
	}
	switch role {
	case "busy":
		return playBusy()
	case "leaves":
		return playLeaves()
	}
	fmt.Println("an ordinary start")
	if v, ok := os.LookupEnv(helperEnv); ok {
		fmt.Println("with the mark", v)
	}
	return 0
}

// playBusy has its helper run a program and a script, whose paths are the
// arguments, until it is killed.
func playBusy() int {
	p := Program{Path: os.Args[1], Args: []string{os.Args[1]}}
	k := hook.Config{Programs: []string{os.Args[2]}, Dialect: hook.Udhcpc, Configures: true, Interface: "eth0"}
	h, err := Start(Config{Program: &p, Scripts: []hook.Config{k}}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(h.PID())
	if _, err := h.Run(p); err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := h.Script(k)
	if err == nil {
		err = s.ApplyFor(context.Background(), client.ReasonBound, playLease(), nil)
	}
	fmt.Println(err)
	return 1
}

func playLease() *lease.Lease {
	l := &lease.Lease{}
	_ = l.UnmarshalJSON([]byte(`{"address":"10.9.0.5/24","start":"2026-01-01T00:00:00Z","lease_seconds":4294967295}`))
	return l
}

// playLeaves has its helper leave standard output, leaves that itself, and goes
// on until it is killed.
func playLeaves() int {
	h, err := Start(Config{}, nil)
	if err == nil {
		err = h.LeaveStdio(false)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(h.PID())
	_ = os.Stdout.Close()
	_ = os.Stderr.Close()
	select {}
}

// as is this binary in a role.
func as(role string, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// endless is a shell loop that nothing but SIGKILL ends, when it has written its
// number, or that SIGTERM ends.
func endless(to string, stubborn bool) string {
	trap := ""
	if stubborn {
		trap = "trap '' TERM; "
	}
	return trap + "echo $$ >" + to + "; while :; do sleep 0.01; done"
}

// The process is killed: its helper ends what it runs, the stubborn too, and
// itself. What a terminal sends to all of them before that does nothing.
func TestHelper_EndsWithItsProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := as("busy", os.Args[0], program(t, endless(dir+"/program", false)), program(t, endless(dir+"/script", true)))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var helper int
	if _, err := fmt.Fscan(out, &helper); err != nil {
		t.Fatal(err)
	}
	run, script := number(t, dir+"/program"), number(t, dir+"/script")
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2} {
		if err := unix.Kill(helper, sig); err != nil {
			t.Fatal(err)
		}
	}
	// They are delivered when one that comes after is: it is the helper's own.
	eventually(t, "signals are delivered", func() bool { return strings.Contains(status(helper, "SigPnd"), "0000000000000000") })
	if !runs(helper) || !runs(run) || !runs(script) {
		t.Error("signals have ended one of them")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{run, script, helper} {
		gone(t, pid)
	}
}

// status is a line of /proc/PID/status.
func status(pid int, name string) string {
	for line := range strings.Lines(text("/proc/" + strconv.Itoa(pid) + "/status")) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// settable is a list of masks without signal 32, which glibc has all that it starts
// with posix_spawn(3) ignore, as make does, and lets nobody set.
func settable(masks string) string {
	return strings.ReplaceAll(masks, "0000000080000000", "0000000000000000")
}

// Who waits for the end of a process's output does not wait for its helper.
func TestHelper_LeavesStdio(t *testing.T) {
	t.Parallel()
	cmd := as("leaves", os.Args[0])
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var pid int
	within(t, patience, func() {
		_, _ = fmt.Fscanln(out, &pid)
		if n, err := out.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("more: %d, %v", n, err)
		}
	})
	if !runs(pid) {
		t.Error("it has ended")
	}
}

// looks is a program that writes down what its signals are, and stays.
func looks() int {
	dir, name := filepath.Split(os.Args[0])
	line := status(os.Getpid(), "SigBlk") + " " + status(os.Getpid(), "SigIgn")
	if err := os.WriteFile(dir+name+".new", []byte(line), 0o644); err != nil {
		return 1
	}
	_ = os.Rename(dir+name+".new", dir+name+".signals")
	time.Sleep(time.Hour)
	return 0
}

// A mask and ignored signals of who starts us are not handed on to programs.
func TestRun_SignalsOfWhoStartedUs(t *testing.T) {
	t.Parallel()
	env, err := exec.LookPath("env")
	if err != nil || exec.Command(env, "--block-signal=USR1", "true").Run() != nil {
		t.Skip("env cannot block signals here")
	}
	dir := t.TempDir()
	for _, name := range []string{"/looks-p", "/looks-s"} {
		if err := os.Symlink(os.Args[0], dir+name); err != nil {
			t.Fatal(err)
		}
	}
	cmd := as("busy", env, "--block-signal=USR1,ALRM", "--ignore-signal=HUP,INT", os.Args[0], dir+"/looks-p", dir+"/looks-s")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for _, name := range []string{"/looks-p", "/looks-s"} {
		eventually(t, name+" has looked", func() bool { return text(dir+name+".signals") != "" })
		if got, want := settable(text(dir+name+".signals")), "0000000000000000 0000000000000000"; got != want {
			t.Errorf("%s: blocked and ignored are %s", name, got)
		}
	}
}

// A variable makes no helper, whatever the descriptor: it is an ordinary start
// that does not have the variable.
func TestMain_MarkOfAStranger(t *testing.T) {
	t.Parallel()
	pipe, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// Made by this process, but the parent is another: a shell.
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer func() { _ = ours.Close(); _ = theirs.Close() }()
	udp, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	inet := os.NewFile(uintptr(udp), "inet")
	defer func() { _ = inet.Close() }()
	for _, c := range []struct {
		name, mark string
		file       *os.File
	}{
		{"nothing", "3", nil}, {"a pipe", "3", pipe}, {"an internet socket", "3", inet},
		{"a socket of another's child", "3", theirs}, {"another number", "4", theirs}, {"a word", "yes", theirs},
	} {
		cmd := as("ordinary", "/bin/sh", "-c", `"$0" && exit`, os.Args[0])
		cmd.Env = append(cmd.Env, helperEnv+"="+c.mark)
		if c.file != nil {
			cmd.ExtraFiles = []*os.File{c.file}
		}
		within(t, patience, func() {
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "an ordinary start\n" {
				t.Errorf("%s: %q, %v", c.name, out, err)
			}
		})
	}
}

// A helper whose process has ended already ends without a word.
func TestMain_Orphan(t *testing.T) {
	t.Parallel()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "theirs")
	defer func() { _ = theirs.Close() }()
	cmd := as("ordinary", "/bin/sh", "-c", `"$0" && exit`, os.Args[0])
	cmd.Env = append(cmd.Env, helperEnv+"=3")
	cmd.ExtraFiles = []*os.File{theirs}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%q, %v", out, err)
	}
}

// raw is a message of any octets.
func raw(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// What nobody may ask ends the helper, and is not done.
func TestHelper_RefusesHostileRequests(t *testing.T) {
	t.Parallel()
	const open = `{"op":"open","link":1,"open":{"name":"ZXRoMA==","script":{"row":0}}}`
	for _, messages := range [][]string{
		{`{"op":"run","id":1,"path":"L2Jpbi9zaA=="}`},
		{`{"op":"run","id":1,"vars":["TERfUFJFTE9BRD14"]}`},
		{`{"op":"run","id":1}`},
		{`{"op":"exec","id":1}`},
		{`{"op":"signal","id":1,"signal":9}`},
		{`{"op":"script","id":1,"link":7,"why":1}`},
		{`{"op":"open","link":1}`},
		{`{"op":"open","link":1,"open":{"name":"ZXRoMA==","script":{"row":1}}}`},
		{`{"op":"open","link":1,"open":{"name":"ZXRoMA==","script":{"row":-1}}}`},
		{`{"op":"open","link":1,"open":{"name":"Li4vLi4=","script":{"row":0}}}`},
		{`{"op":"open","link":1,"open":{"name":"ZXRoMA==","resolver":{"metric":1}}}`},
		{`{"op":"open","link":1,"open":{"name":"ZXRoMA==","hostname":true}}`},
		{open, open},
		{open, `{"op":"tell","link":1,"why":1}`},
		{open, `{"op":"script","id":1,"link":1,"why":99}`},
		{open, `{"op":"script","id":1,"link":1,"why":-1}`},
		{open, `{"op":"script","link":1,"why":1}`},
		{open, `{"op":"resolver","id":1,"link":1}`},
		{open, `{"op":"script","id":1,"link":1,"why":1,"limit":-1}`},
		{open, `{"op":"script","id":1,"link":1,"why":1,"programs":["L2Jpbi9zaA=="]}`},
		{`{"op":"leave"}{"op":"leave"}`},
		{`[1]`}, {``}, {`{`},
	} {
		k := hooks(t, hook.Dhclient)
		h, j := start(t, Config{Scripts: []hook.Config{k.cfg}})
		for _, m := range messages {
			if err := h.post(raw(m)); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-h.Done():
		case <-time.After(patience):
			t.Fatalf("%q: it goes on", messages)
		}
		if got := j.String(); !strings.Contains(got, "refuses a request, and ends") || !strings.Contains(got, `why="exit code 1"`) {
			t.Errorf("%q: log:\n%s", messages, got)
		}
		if got := k.events(); got != "" {
			t.Errorf("%q: it has run the script: %s", messages, got)
		}
	}
}

func TestHelper_RefusesALengthWithoutAMessage(t *testing.T) {
	t.Parallel()
	h, j := start(t, Config{})
	if err := h.post([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	<-h.Done()
	if got := j.String(); !strings.Contains(got, "a message of 4294967295 octets") {
		t.Errorf("log:\n%s", got)
	}
}

// fakeEnv makes this binary, executed as a helper, say what it holds.
const fakeEnv = "HELPER_TEST_FAKE"

// fake is a helper that says what it should not, and does not end.
func fake(says string) {
	_ = os.Unsetenv(helperEnv)
	text, _ := hex.DecodeString(says)
	_, _ = unix.Write(helperFD, text)
	_ = unix.Shutdown(helperFD, unix.SHUT_WR)
	time.Sleep(time.Hour)
}

// A helper that says what it must not is ended, and whoever waits for it is told.
func TestHelper_HostileAnswers(t *testing.T) {
	p := Program{Path: "/bin/true", Args: []string{"true"}}
	for name, says := range map[string]string{
		"no JSON": string(raw("nonsense")), "unknown": string(raw(`{"id":1,"run":"x"}`)), "too long": "\xff\xff\xff\xff{}",
		"cut off": "\x00\x00\x00\x09{", "nothing": "",
		"too many": strings.Repeat(string(raw(`{"id":1,"pid":1}`)), 10),
	} {
		t.Setenv(fakeEnv, "-"+hex.EncodeToString([]byte(says)))
		h, j := start(t, Config{Program: &p})
		pid := h.PID()
		within(t, patience, func() {
			if process, err := h.Run(p); err == nil {
				_, err = process.Wait(context.Background())
				if err == nil {
					t.Errorf("%s: it is believed", name)
				}
			}
			<-h.Done()
		})
		gone(t, pid)
		if got := j.String(); strings.Count(got, "level=ERROR") != 1 {
			t.Errorf("%s: log:\n%s", name, got)
		}
	}
}
