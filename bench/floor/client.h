/*
 * What floor.c and replay.c do alike, in plain C: DHCPv4 messages (RFC 2131 2)
 * with the options that dhclient-go sends, so that a server has the same work,
 * and the requests of rtnetlink(7) that put an address on a link.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5, NAK = 6 };
enum { MASK = 1, ROUTER = 3, ADDRESS = 50, LEASE_TIME = 51, TYPE = 53, SERVER = 54, PARAMS = 55, MAX_SIZE = 57, CLIENT_ID = 61, END = 255 };
enum { COOKIE = 0x63825363, BOOTREQUEST = 1, BOOTREPLY = 2, CLIENT_PORT = 68, SERVER_PORT = 67, MIN_MESSAGE = 300 };

/* A message is the fixed part of RFC 2131 2, and its options. */
struct message {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16], sname[64], file[128];
	uint32_t cookie;
	uint8_t options[1024];
};

struct datagram {
	struct iphdr ip;
	struct udphdr udp;
	struct message m;
};

/* Addresses are in network order, as they came. */
struct lease { uint32_t address, mask, router, server, seconds; };
struct link { int index; uint32_t mtu; uint8_t mac[ETH_ALEN]; };

static void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

/* Sum adds octets as the Internet checksum does (RFC 1071). */
static uint32_t sum(uint32_t s, const void *data, size_t n)
{
	const uint8_t *b = data;
	for (; n > 1; b += 2, n -= 2)
		s += (uint32_t)b[0] << 8 | b[1];
	if (n)
		s += (uint32_t)b[0] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Checksum is that of a UDP datagram: 0 if the one in it is right. */
static uint16_t checksum(const struct iphdr *ip, const void *udp, size_t n)
{
	return fold(sum(sum(IPPROTO_UDP + (uint32_t)n, &ip->saddr, 8), udp, n));
}

/* Netlink sends a request and waits for the answer, which it leaves in buf. */
static ssize_t netlink(int fd, struct nlmsghdr *h, void *buf, size_t size, const char *what)
{
	static uint32_t seq;
	h->nlmsg_flags |= NLM_F_REQUEST;
	h->nlmsg_seq = ++seq;
	if (send(fd, h, h->nlmsg_len, 0) < 0)
		die(what);
	for (;;) {
		ssize_t n = recv(fd, buf, size, MSG_TRUNC);
		const struct nlmsghdr *answer = buf;
		if (n < 0 || (size_t)n > size)
			die(what);
		if (!NLMSG_OK(answer, (size_t)n) || answer->nlmsg_seq != seq)
			continue;
		if (answer->nlmsg_type != NLMSG_ERROR)
			return n;
		if (answer->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			continue;
		errno = -((const struct nlmsgerr *)NLMSG_DATA(answer))->error;
		if (errno)
			die(what);
		return n;
	}
}

static void attribute(struct nlmsghdr *h, uint16_t type, const void *value, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	memcpy(RTA_DATA(a), value, n);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* Open_link finds the link and brings it up. */
static struct link open_link(int fd, const char *name)
{
	static _Alignas(struct nlmsghdr) char buf[16384];
	struct { struct nlmsghdr h; struct ifinfomsg i; char room[64]; } q = {
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof q.i), .nlmsg_type = RTM_GETLINK } };
	struct link l = { 0 };
	if (strlen(name) >= IFNAMSIZ) {
		errno = ENAMETOOLONG;
		die(name);
	}
	attribute(&q.h, IFLA_IFNAME, name, strlen(name) + 1);
	netlink(fd, &q.h, buf, sizeof buf, name);
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	const struct ifinfomsg *i = NLMSG_DATA(h);
	int n = h->nlmsg_type == RTM_NEWLINK ? (int)IFLA_PAYLOAD(h) : 0;
	for (const struct rtattr *a = IFLA_RTA(i); RTA_OK(a, n); a = RTA_NEXT(a, n)) {
		if (a->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(a) == ETH_ALEN) {
			l.index = i->ifi_index;
			memcpy(l.mac, RTA_DATA(a), ETH_ALEN);
		} else if (a->rta_type == IFLA_MTU && RTA_PAYLOAD(a) == 4) {
			memcpy(&l.mtu, RTA_DATA(a), 4);
		}
	}
	if (!l.index) {
		errno = ENODEV;
		die(name);
	}
	q.h = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH(sizeof q.i), .nlmsg_type = RTM_NEWLINK, .nlmsg_flags = NLM_F_ACK };
	q.i = (struct ifinfomsg){ .ifi_index = l.index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	netlink(fd, &q.h, buf, sizeof buf, "bring the link up");
	return l;
}

/* Open_socket hears UDP to the client's port, and no fragments: on the link, or
 * on every link if its index is 0. */
static int open_socket(const struct link *l)
{
	static struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct iphdr, protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct iphdr, frag_off)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, offsetof(struct udphdr, dest)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLIENT_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof program / sizeof *program, program };
	struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = l->index };
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
		die("open a packet socket");
	return fd;
}

static uint8_t *option(uint8_t *o, uint8_t code, const void *value, uint8_t n)
{
	*o++ = code;
	*o++ = n;
	return (uint8_t *)memcpy(o, value, n) + n;
}

/* Send_message asks for what l has, if anything. */
static void send_message(int fd, const struct link *link, uint8_t type, uint32_t xid, uint16_t secs, const struct lease *l)
{
	static const uint8_t params[] = { 1, 121, 249, 3, 33, 6, 15, 119, 12, 26, 28, 42, 51, 54, 58, 59, 114 };
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = link->index,
		.sll_halen = ETH_ALEN, .sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	struct datagram d = { .m = { .op = BOOTREQUEST, .htype = 1, .hlen = ETH_ALEN, .xid = xid, .secs = htons(secs), .cookie = htonl(COOKIE) } };
	uint8_t id[1 + ETH_ALEN] = { 1 }, *o = d.m.options;
	uint16_t most = htons((uint16_t)(link->mtu < 604 ? 576 : link->mtu > 65535 ? 65507 : link->mtu - 28));
	memcpy(d.m.chaddr, link->mac, ETH_ALEN);
	memcpy(id + 1, link->mac, ETH_ALEN);
	o = option(o, TYPE, &type, 1);
	o = option(o, CLIENT_ID, id, sizeof id);
	if (type == REQUEST)
		o = option(o, ADDRESS, &l->address, 4);
	if (type == REQUEST && l->server)
		o = option(o, SERVER, &l->server, 4);
	o = option(o, MAX_SIZE, &most, 2);
	o = option(o, PARAMS, params, sizeof params);
	*o++ = END;
	size_t n = (size_t)(o - (uint8_t *)&d.m);
	n = sizeof d.udp + (n < MIN_MESSAGE ? MIN_MESSAGE : n);
	d.udp = (struct udphdr){ .source = htons(CLIENT_PORT), .dest = htons(SERVER_PORT), .len = htons((uint16_t)n) };
	d.ip = (struct iphdr){ .version = 4, .ihl = 5, .tos = 0xc0, .ttl = 64, .protocol = IPPROTO_UDP,
		.tot_len = htons((uint16_t)(sizeof d.ip + n)), .daddr = htonl(INADDR_BROADCAST) };
	d.ip.check = htons(fold(sum(0, &d.ip, sizeof d.ip)));
	uint16_t check = checksum(&d.ip, &d.udp, n);
	d.udp.check = htons(check ? check : 0xffff);
	if (sendto(fd, &d, sizeof d.ip + n, 0, (struct sockaddr *)&all, sizeof all) < 0)
		perror("send"); /* as if it were lost */
}

/* Receive_frame returns the DHCP message in the next frame, n octets, and the
 * index of the link it came by; NULL if there is none in it. */
static const uint8_t *receive_frame(int fd, int *index, size_t *n)
{
	static _Alignas(struct iphdr) uint8_t b[65536];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec v = { b, sizeof b };
	struct sockaddr_ll from = { 0 };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	ssize_t got = recvmsg(fd, &msg, 0);
	*index = from.sll_ifindex;
	int unfinished = 0; /* the checksum is, where a card would have made it */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); got >= 0 && c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA)
			unfinished = (int)((struct tpacket_auxdata *)CMSG_DATA(c))->tp_status & TP_STATUS_CSUMNOTREADY;
	const struct iphdr *ip = (const struct iphdr *)b;
	if (got < (ssize_t)sizeof *ip || ip->version != 4 || ip->ihl < 5 || fold(sum(0, b, (size_t)ip->ihl * 4)))
		return NULL;
	size_t head = (size_t)ip->ihl * 4, whole = ntohs(ip->tot_len);
	if (whole > (size_t)got || whole < head + sizeof(struct udphdr))
		return NULL;
	const struct udphdr *udp = (const struct udphdr *)(b + head);
	size_t len = ntohs(udp->len);
	if (len < sizeof *udp || len > whole - head || (udp->check && !unfinished && checksum(ip, udp, len)))
		return NULL;
	*n = len - sizeof *udp;
	return b + head + sizeof *udp;
}

/* Parse reads an answer to xid into l, and returns its type, or 0. */
static uint8_t parse(const uint8_t *b, size_t n, const struct link *link, uint32_t xid, struct lease *l)
{
	const struct message *m = (const struct message *)b;
	const size_t fixed = offsetof(struct message, options);
	uint8_t type = 0;
	if (!b || n < fixed || m->op != BOOTREPLY || m->xid != xid || m->cookie != htonl(COOKIE) || memcmp(m->chaddr, link->mac, ETH_ALEN))
		return 0;
	*l = (struct lease){ .address = m->yiaddr };
	for (size_t i = fixed; i < n && b[i] != END; i += b[i] ? 2u + b[i + 1] : 1) {
		if (!b[i])
			continue; /* a pad */
		if (i + 1 >= n || i + 2u + b[i + 1] > n)
			return 0;
		const uint8_t *v = b + i + 2, len = b[i + 1];
		uint32_t *to = b[i] == MASK ? &l->mask : b[i] == ROUTER ? &l->router : b[i] == LEASE_TIME ? &l->seconds : b[i] == SERVER ? &l->server : NULL;
		if (b[i] == TYPE && len == 1)
			type = *v;
		else if (to && (len == 4 || (b[i] == ROUTER && len >= 4)))
			memcpy(to, v, 4);
	}
	l->seconds = ntohl(l->seconds);
	int usable = l->address && l->mask && l->seconds && l->server;
	return type == NAK || ((type == OFFER || type == ACK) && usable) ? type : 0;
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void apply(int fd, const struct link *link, const struct lease *l)
{
	static _Alignas(struct nlmsghdr) char buf[8192];
	uint32_t broadcast = l->address | ~l->mask;
	uint8_t bits = (uint8_t)__builtin_popcount(l->mask);
	struct ifa_cacheinfo life = { .ifa_valid = l->seconds, .ifa_prefered = l->seconds };
	struct { struct nlmsghdr h; struct ifaddrmsg a; char room[128]; } a = {
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof a.a), .nlmsg_type = RTM_NEWADDR, .nlmsg_flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE },
		.a = { .ifa_family = AF_INET, .ifa_prefixlen = bits, .ifa_index = (uint32_t)link->index } };
	attribute(&a.h, IFA_LOCAL, &l->address, 4);
	attribute(&a.h, IFA_ADDRESS, &l->address, 4);
	attribute(&a.h, IFA_BROADCAST, &broadcast, 4);
	attribute(&a.h, IFA_CACHEINFO, &life, sizeof life);
	netlink(fd, &a.h, buf, sizeof buf, "set the address");
	if (!l->router)
		return;
	struct { struct nlmsghdr h; struct rtmsg r; char room[128]; } r = {
		.h = { .nlmsg_len = NLMSG_LENGTH(sizeof r.r), .nlmsg_type = RTM_NEWROUTE, .nlmsg_flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE },
		.r = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_DHCP, .rtm_type = RTN_UNICAST } };
	attribute(&r.h, RTA_GATEWAY, &l->router, 4);
	attribute(&r.h, RTA_OIF, &link->index, 4);
	netlink(fd, &r.h, buf, sizeof buf, "set the default route");
}
