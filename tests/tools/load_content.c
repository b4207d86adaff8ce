/* SPDX-License-Identifier: MIT */
#include "load_content.h"

uint64_t load_mix(uint64_t number)
{
  number += UINT64_C(0x9e3779b97f4a7c15);
  number = (number ^ (number >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  number = (number ^ (number >> 27)) * UINT64_C(0x94d049bb133111eb);
  return number ^ (number >> 31);
}

static void begin_line(struct load_cursor *cursor)
{
  cursor->key = load_mix(cursor->seed ^ load_mix(cursor->line));
  cursor->length = (size_t)(cursor->key % (cursor->max_line + 1));
  cursor->at = 0;
}

void load_cursor_start(struct load_cursor *cursor, uint64_t seed, uint64_t connection,
                       size_t max_line)
{
  cursor->seed = load_mix(seed ^ load_mix(connection + 1));
  cursor->max_line = max_line;
  cursor->line = 0;
  begin_line(cursor);
}

/* The next byte: printable, or the LF. */
static char next_byte(struct load_cursor *cursor)
{
  if (cursor->at == cursor->length) {
    cursor->line++;
    begin_line(cursor);
    return '\n';
  }
  uint64_t word = cursor->key + cursor->at * UINT64_C(0x9e3779b97f4a7c15);
  cursor->at++;
  return (char)(' ' + (word >> 40) % 95);
}

size_t load_cursor_fill(struct load_cursor *cursor, char *memory, size_t n, uint64_t last)
{
  size_t done = 0;
  while (done < n && cursor->line < last) memory[done++] = next_byte(cursor);
  return done;
}

size_t load_cursor_check(struct load_cursor *cursor, const char *memory, size_t n)
{
  for (size_t done = 0; done < n; done++)
    if (memory[done] != next_byte(cursor)) return done;
  return n;
}
