/* SPDX-License-Identifier: MIT */
/* A queue whose workers keep to a rate: a semaphore is filled by a timer, and each piece of work takes
 * one from it.
 *     worker_queue 20 4 100     20 pieces of work, 4 workers, 100 pieces a second at most */
#include "example.h"

#include <math.h>

static const char usage[] =
    "usage: worker_queue PIECES WORKERS RATE\n"
    "Works through PIECES (1 to 10000) pieces of work with WORKERS (1 to 100) coroutines, at most RATE\n"
    "(1 to 1000) a second, and tells how long it took.\n";

struct shop {
    copas *c;
    copas_queue *queue;
    copas_semaphore *permits;
    int done;
};

static int number(const char *text, int least, int most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end != text && *end == 0 && value >= least && value <= most) return (int)value;
    fprintf(stderr, "%s is not a number from %d to %d\n", text, least, most);
    exit(2);
}

/* One more may be done; when enough wait to be taken, this one is dropped. */
static void permit_one(copas_timer *timer, void *user)
{
    struct shop *shop = user;
    (void)timer;
    copas_semaphore_give(shop->permits, 1);
}

/* What is in the queue belongs to the worker that gets it. */
static void work(void *item, void *user)
{
    struct shop *shop = user;
    int *piece = item;
    if (copas_semaphore_take(shop->permits, 1, COPAS_FOREVER) == COPAS_OK) {
        printf("piece %d by %s\n", *piece, copas_getname(copas_running()));
        shop->done++;
    }
    free(piece);
}

/* Pushes all work and waits for its end. */
static copas_status run(struct shop *shop, int pieces)
{
    for (int i = 1; i <= pieces; i++) {
        int *piece = malloc(sizeof *piece);
        if (piece == NULL) return COPAS_NO_MEMORY;
        *piece = i;
        copas_status status = copas_queue_push(shop->queue, piece, COPAS_FOREVER);
        if (status != COPAS_OK) {
            free(piece);
            return status;
        }
    }
    return copas_queue_finish(shop->queue, COPAS_FOREVER);
}

static copas_status open_shop(struct shop *shop, int workers, int rate)
{
    copas_timer *timer;
    copas_timer_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.flags = COPAS_RECURRING;
    options.callback = permit_one;
    options.user = shop;
    options.delay = 1.0 / rate;
    copas_status status = copas_queue_new(shop->c, 100, NAN, free, &shop->queue);
    if (status == COPAS_OK) status = copas_semaphore_new(shop->c, 1, 1, NAN, &shop->permits);
    if (status == COPAS_OK) status = copas_timer_new(shop->c, &options, &timer);
    for (int i = 0; i < workers && status == COPAS_OK; i++)
        status = copas_queue_addworker(shop->queue, work, shop, NULL);
    return status;
}

int main(int argc, char **argv)
{
    struct shop shop = {NULL, NULL, NULL, 0};
    example_help(argc, argv, 3, usage);
    int pieces = number(argv[1], 1, 10000);
    int workers = number(argv[2], 1, 100);
    int rate = number(argv[3], 1, 1000);
    shop.c = copas_new(NULL);
    if (shop.c == NULL) return 1;
    if (open_shop(&shop, workers, rate) != COPAS_OK) return example_fail(shop.c, "cannot open");
    double start = copas_now(shop.c);
    /* The root may wait too: it steps the dispatcher until the queue is finished. */
    if (run(&shop, pieces) != COPAS_OK) return example_fail(shop.c, "cannot work");
    printf("%d pieces in %.3f seconds\n", shop.done, copas_now(shop.c) - start);
    copas_free(shop.c);
    return 0;
}
