/*
 * Replay sends and hears on many links what DHCPv4 clients would, with no client
 * behind it: what a bridge and a server cost alone, as `make bench-scale` holds
 * clients against.
 *
 *	replay [-a] [-w LINKS] PREFIX
 *
 * For each link whose name begins with PREFIX a DISCOVER, and a REQUEST for each
 * OFFER (RFC 2131 3.1), all through one packet socket; -a also sets the address
 * and the route of each ACK. At most as many links as -w says, all without it,
 * wait for an answer at a time. What is lost is sent again after 1, 2, 4 ... s.
 * It keeps nothing but the step each link is at, and ends with the last ACK.
 */
#include "client.h"

enum { TICK = 20 };

struct party {
	struct link link;
	uint8_t sends; /* DISCOVER, then REQUEST; 0 before, ACK after */
	int tries;
	int64_t again; /* when it sends once more, in ms */
	struct lease lease;
};

struct replay {
	int packets, netlink;
	int set_addresses;
	struct party *parties;
	size_t count, most, begun, done, sent;
	int *by_index; /* the place of a party, by the index of its link; or -1 */
	int indexes;
};

/* Find_links makes a party of each link. */
static void find_links(struct replay *r, const char *prefix)
{
	struct if_nameindex *all = if_nameindex();
	if (!all)
		die("list the links");
	for (struct if_nameindex *i = all; i->if_index; i++) {
		r->count += !strncmp(i->if_name, prefix, strlen(prefix));
		r->indexes = (int)i->if_index >= r->indexes ? (int)i->if_index + 1 : r->indexes;
	}
	r->parties = calloc(r->count, sizeof *r->parties);
	r->by_index = malloc((size_t)r->indexes * sizeof *r->by_index);
	if (!r->parties || !r->by_index || !r->count)
		die("no links");
	memset(r->by_index, 0xff, (size_t)r->indexes * sizeof *r->by_index);
	size_t n = 0;
	for (struct if_nameindex *i = all; i->if_index; i++) {
		if (strncmp(i->if_name, prefix, strlen(prefix)))
			continue;
		r->by_index[i->if_index] = (int)n;
		r->parties[n++].link = open_link(r->netlink, i->if_name);
	}
	if_freenameindex(all);
}

/* Say sends what a party has to say, and says when again. */
static void say(struct replay *r, struct party *p)
{
	uint32_t xid = 1 + (uint32_t)(p - r->parties);
	p->again = now() + (1000 << (p->tries < 6 ? p->tries : 6));
	p->tries++;
	r->sent++;
	send_message(r->packets, &p->link, p->sends, xid, 0, &p->lease);
}

/* Begin lets parties begin, as many as may wait for an answer. */
static void begin(struct replay *r)
{
	while (r->begun < r->count && r->begun - r->done < r->most) {
		struct party *p = &r->parties[r->begun++];
		p->sends = DISCOVER;
		say(r, p);
	}
}

/* Hear takes the next frame. */
static void hear(struct replay *r)
{
	int index;
	size_t n = 0;
	struct lease got;
	const uint8_t *b = receive_frame(r->packets, &index, &n);
	if (!b || index <= 0 || index >= r->indexes || r->by_index[index] < 0)
		return;
	struct party *p = &r->parties[r->by_index[index]];
	uint8_t type = parse(b, n, &p->link, 1 + (uint32_t)(p - r->parties), &got);
	if (type == OFFER && p->sends == DISCOVER) {
		p->lease = got;
		p->sends = REQUEST;
		p->tries = 0;
		say(r, p);
	} else if (type == ACK && p->sends == REQUEST) {
		p->sends = ACK;
		r->done++;
		if (r->set_addresses)
			apply(r->netlink, &p->link, &got);
	} else if (type == NAK && p->sends == REQUEST) {
		p->sends = DISCOVER;
		p->tries = 0;
		p->lease = (struct lease){ 0 };
		say(r, p);
	}
}

/* Repeat sends again what has had no answer for long enough. */
static void repeat(struct replay *r)
{
	int64_t t = now();
	for (size_t i = 0; i < r->begun; i++) {
		struct party *p = &r->parties[i];
		if (p->sends != ACK && p->again <= t)
			say(r, p);
	}
}

int main(int argc, char **argv)
{
	struct replay r = { .most = SIZE_MAX };
	int c;
	while ((c = getopt(argc, argv, "aw:")) != -1) {
		if (c == 'a')
			r.set_addresses = 1;
		else if (c == 'w')
			r.most = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind + 1 != argc || !r.most) {
		fputs("usage: replay [-a] [-w LINKS] PREFIX\n", stderr);
		return 2;
	}
	const struct link every = { 0 };
	int room = 64 << 20;
	r.packets = open_socket(&every);
	r.netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (r.netlink < 0)
		die("open a netlink socket");
	if (setsockopt(r.packets, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		die("room for what arrives");
	find_links(&r, argv[optind]);
	int64_t began = now(), repeated = began;
	begin(&r);
	while (r.done < r.count) {
		struct pollfd p = { r.packets, POLLIN, 0 };
		if (poll(&p, 1, TICK) > 0)
			hear(&r);
		if (now() - repeated >= TICK) {
			repeated = now();
			repeat(&r);
		}
		begin(&r);
	}
	printf("%zu links, %zu messages, %lld ms\n", r.count, r.sent, (long long)(now() - began));
	return 0;
}
