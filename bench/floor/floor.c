/*
 * Floor is the least that a DHCPv4 client must do to put an address on a link,
 * in plain C: what `make bench` holds dhclient-go against. Its messages carry
 * the same options, so that a server has the same work.
 *
 *	floor [-r ADDRESS] INTERFACE [PROGRAM [ARGUMENT...]]
 *
 * DISCOVER, OFFER, REQUEST, ACK (RFC 2131 3.1), or with -r only REQUEST and ACK
 * for an address from before (3.2). Then the address with its lifetime, and the
 * default route, by rtnetlink(7). Then PROGRAM, or nothing for ever. It renews
 * nothing, probes nothing and remembers nothing.
 */
#include "client.h"

/* Exchange sends until it has the answer that it wants, a NAK, or no more
 * tries, and returns what came. */
static uint8_t exchange(int fd, const struct link *link, uint8_t type, uint8_t want, uint32_t xid, struct lease *l, int tries)
{
	const int64_t began = now();
	for (int64_t wait = 1000; tries--; wait = wait < 64000 ? wait * 2 : wait) {
		int64_t sent = now();
		send_message(fd, link, type, xid, (uint16_t)((sent - began) / 1000), l);
		for (int64_t left; (left = sent + wait - now()) > 0;) {
			struct pollfd p = { fd, POLLIN, 0 };
			int index;
			size_t n = 0;
			struct lease got;
			if (poll(&p, 1, (int)left) <= 0)
				continue;
			const uint8_t *b = receive_frame(fd, &index, &n);
			uint8_t answer = parse(b, n, link, xid, &got);
			if (answer == want)
				*l = got;
			if (answer == want || (answer == NAK && type == REQUEST))
				return answer;
		}
	}
	return 0;
}

/* Acquire returns a lease, of the address in l if it has one. */
static struct lease acquire(int fd, const struct link *link, struct lease l)
{
	for (;; l = (struct lease){ 0 }) {
		uint32_t xid;
		if (getrandom(&xid, sizeof xid, 0) != sizeof xid)
			die("random");
		if (!l.address && exchange(fd, link, DISCOVER, OFFER, xid, &l, 1 << 30) != OFFER)
			continue;
		if (exchange(fd, link, REQUEST, ACK, xid, &l, 4) == ACK)
			return l;
	}
}

int main(int argc, char **argv)
{
	struct lease l = { 0 };
	if (argc > 2 && !strcmp(argv[1], "-r") && inet_pton(AF_INET, argv[2], &l.address) == 1)
		argv += 2, argc -= 2;
	if (argc < 2 || argv[1][0] == '-') {
		fputs("usage: floor [-r ADDRESS] INTERFACE [PROGRAM [ARGUMENT...]]\n", stderr);
		return 2;
	}
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (nl < 0)
		die("open a netlink socket");
	struct link link = open_link(nl, argv[1]);
	int fd = open_socket(&link);
	l = acquire(fd, &link, l);
	apply(nl, &link, &l);
	printf("%s: %s for %u s\n", argv[1], inet_ntoa((struct in_addr){ l.address }), l.seconds);
	fflush(stdout);
	if (argc > 2) {
		execv(argv[2], argv + 2);
		die(argv[2]);
	}
	for (;;)
		pause();
}
