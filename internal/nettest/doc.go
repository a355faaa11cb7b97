// Package nettest gives tests network namespaces of their own.
//
// A test binary whose TestMain calls Main runs inside fresh mount, network and
// process namespaces (and a user namespace, where it is not started by root):
// what a test does to links, addresses, routes, /run, /var/lib or
// /etc/resolv.conf touches nothing of the machine and vanishes with the
// process, however it ends.
//
//	func TestMain(m *testing.M) { nettest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
//		nettest.Veth(t, a, "eth0", b, "eth0")
//		a.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth0")
//		a.Do(t, func() { ... })
//	}
//
// Three processes of the same binary stand in a row. The outer one, which
// `go test` started, makes the namespaces, hands signals on and passes the exit
// status back. The second is process 1 of the new process namespace: it makes
// the private mounts and reaps orphans, so that the third, which runs the
// tests, needs not care whose children end.
package nettest
