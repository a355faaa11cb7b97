/*
 * Stamp writes what CLOCK_MONOTONIC is, as two 64-bit numbers (seconds and
 * nanoseconds) in the machine's order, to descriptor 3, and becomes PROGRAM: as
 * the first process of a container it says when the next was executed, without
 * what the runtime before it cost.
 *
 *	stamp PROGRAM [ARGUMENT...]
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec t;
	if (argc < 2 || clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		return 2;
	int64_t stamp[2] = { t.tv_sec, t.tv_nsec };
	if (write(3, stamp, sizeof stamp) != sizeof stamp)
		return 3;
	close(3);
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
