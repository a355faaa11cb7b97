package scale

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// serverDrops is what the server's socket had no room for since it was opened.
func (l *lab) serverDrops() (sum int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/udp", l.server.Process.Pid))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 12 && strings.HasSuffix(f[1], ":0043") {
			n, _ := strconv.Atoi(f[12])
			sum += n
		}
	}
	return sum
}

// queueDrops is what found net.core.netdev_max_backlog frames in the queue of a
// processor (the second column of softnet_stat), on the whole machine: a veth
// hands frames on through that queue, and it belongs to no namespace.
func queueDrops() (sum int) {
	b, _ := os.ReadFile("/proc/net/softnet_stat")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 {
			n, _ := strconv.ParseInt(f[1], 16, 64)
			sum += int(n)
		}
	}
	return sum
}
