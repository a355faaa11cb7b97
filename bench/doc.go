// Command bench measures dhclient-go beside other clients, in one run, on one
// veth pair, against one dnsmasq: time from exec to address, size, idle memory
// and idle wake-ups. Everything happens in namespaces of its own.
//
// One table has the time from the exec of a container's first process to the
// address, in containers that runc makes, beside floor/floor.c: the least that a
// client must do, in C. With the word container there is that table alone:
//
//	go run ./bench [-n RUNS] container [BINARY...]
//
// With the word loss it measures the time to an address on a network that loses
// 30 % of the frames each way:
//
//	go run ./bench [-n RUNS] loss [BINARY...]
//
// With the word scale it measures clients on up to 1000 links at once, and with
// soak it has an agent serve links that come and go; package scale has both:
//
//	go run ./bench scale [-quick] [-alone] [-links N,N...] [-json FILE] [-plot FILE]
//	go run ./bench soak [-for TIME] [-links N]
//
// With container and loss several builds of dhclient-go can be compared, in turn
// in one run.
//
// -write FILE, before the word, also puts the tables into a document, between its
// marks. `make bench`, `make bench-container`, `make bench-loss`, `make
// bench-scale` and `make soak` build what they need and run it. Absolute times are
// the machine's; what counts are the ratios within a run.
package main
