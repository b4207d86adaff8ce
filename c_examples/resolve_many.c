/* SPDX-License-Identifier: MIT */
/* Looks many names up at once: each in a coroutine of its own, while none of them holds up another.
 *     resolve_many localhost example.org 127.0.0.1 */
#include "example.h"

static const char usage[] =
    "usage: resolve_many NAME...\n"
    "Prints the addresses of each NAME as they come, within five seconds. The exit code is 1 when one\n"
    "of them does not resolve.\n";

static int failures;

static void resolve(void *user)
{
    const char *name = user;
    copas_address addresses[16];
    size_t count;
    if (copas_resolve(copas_current(), name, 5, addresses, 16, &count) != COPAS_OK) {
        failures += example_fail(copas_current(), name);
        return;
    }
    for (size_t i = 0; i < count && i < 16; i++) printf("%s %s\n", name, addresses[i].host);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    example_help(argc, argv, argc > 1 ? argc - 1 : -1, usage);
    copas *c = copas_new(NULL);
    if (c == NULL) return 1;
    for (int i = 1; i < argc; i++)
        if (copas_addthread(c, resolve, argv[i], NULL) != COPAS_OK) return example_fail(c, "cannot run");
    if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return example_fail(c, "cannot run");
    copas_free(c);
    return failures > 0;
}
