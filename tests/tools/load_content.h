/* SPDX-License-Identifier: MIT */
/* The lines of the load client: each byte follows from the seed, the connection, the number of the
 * line and its place in it, so that swapped bytes, lines or connections are seen. */
#ifndef LOAD_CONTENT_H
#define LOAD_CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* A well mixed number of another one (SplitMix64, by Sebastiano Vigna). */
uint64_t load_mix(uint64_t number);

/* A place in the stream of one connection. */
struct load_cursor {
  uint64_t seed;
  size_t max_line;
  /* The present line: its number, its key, its length without the LF, the next byte's place. */
  uint64_t line;
  uint64_t key;
  size_t length;
  size_t at;
};

/* The beginning of a connection's stream. */
void load_cursor_start(struct load_cursor *cursor, uint64_t seed, uint64_t connection,
                       size_t max_line);

/* Fills `memory` with at most `n` bytes of the stream, up to the end of line `last` - 1; gives how
 * many. */
size_t load_cursor_fill(struct load_cursor *cursor, char *memory, size_t n, uint64_t last);

/* Compares `n` bytes with the stream and goes on; gives how many were right. */
size_t load_cursor_check(struct load_cursor *cursor, const char *memory, size_t n);

#endif
