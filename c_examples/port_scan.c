/* SPDX-License-Identifier: MIT */
/* Looks which ports of a machine of yours are open, many at once: a group of coroutines, a semaphore
 * that keeps their number down, and one deadline over all of it.
 *     port_scan 127.0.0.1 1 1024 5 */
#include "example.h"

#include <math.h>

/* How many connections are tried at the same time. */
#define AT_ONCE 100

static const char usage[] =
    "usage: port_scan HOST FIRST LAST SECONDS\n"
    "Prints the open ports from FIRST to LAST of HOST, and ends after SECONDS at the latest.\n";

struct scan {
    copas *c;
    const char *host;
    copas_semaphore *slots;
    int next;
    int open;
    int unknown;
};

static void try_port(void *user)
{
    struct scan *scan = user;
    copas_socket *skt;
    /* Nothing else runs until the first wait: each coroutine draws its own port. */
    int port = scan->next++;
    if (copas_semaphore_take(scan->slots, 1, COPAS_FOREVER) != COPAS_OK) {
        scan->unknown++;
        return;
    }
    copas_status status = copas_connect(scan->c, scan->host, port, COPAS_FOREVER, &skt);
    copas_semaphore_give(scan->slots, 1);
    if (status == COPAS_OK) {
        printf("%d\n", port);
        scan->open++;
        copas_close(skt);
    } else if (status != COPAS_REFUSED) {
        scan->unknown++;
    }
}

/* Scans within the deadline of the caller, which the coroutines of the group inherit. */
static copas_status scan_all(struct scan *scan, int last)
{
    copas_group *group;
    copas_status status = copas_group_new(scan->c, 0, &group);
    for (int port = scan->next; port <= last && status == COPAS_OK; port++)
        status = copas_group_addthread(group, try_port, scan, NULL);
    if (status != COPAS_OK) return status;
    copas_group_wait(group, COPAS_FOREVER);
    return (copas_status)copas_group_close(group);
}

int main(int argc, char **argv)
{
    struct scan scan;
    memset(&scan, 0, sizeof scan);
    example_help(argc, argv, 4, usage);
    scan.host = argv[1];
    scan.next = example_port(argv[2], 1);
    int last = example_port(argv[3], scan.next);
    scan.c = copas_new(NULL);
    if (scan.c == NULL) return 1;
    if (copas_semaphore_new(scan.c, AT_ONCE, AT_ONCE, NAN, &scan.slots) != COPAS_OK)
        return example_fail(scan.c, "cannot begin");
    copas_begindeadline(scan.c, atof(argv[4]));
    if (scan_all(&scan, last) != COPAS_OK) return example_fail(scan.c, "cannot scan");
    if (copas_enddeadline(scan.c) == 1) fprintf(stderr, "the time was up\n");
    printf("%d open, %d unknown\n", scan.open, scan.unknown);
    copas_free(scan.c);
    return 0;
}
