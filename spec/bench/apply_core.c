/*
 * One field of a referral's text changed by the core's own functions, without Lua and what it makes of the
 * result:
 *
 *   apply_core FILE PROTOTYPE COUNT
 *
 * Reads the text, applies a change and writes the next document, COUNT times. Prints the seconds for one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime */
#endif

#include "clock.h"
#include "document_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 28, WARMING = 3 /* turns: the first ones meet memory that the process never had */ };

static const char *const changes[] = {"{\"details\":{\"dealValue\":50001}}",
                                      "{\"details\":{\"dealValue\":50002}}"};

static void fail(const char *what) {
  fprintf(stderr, "apply_core: %s\n", what);
  exit(1);
}

static void read_file(const char *path, buffer *contents) {
  char piece[4096];
  size_t got;
  FILE *file = fopen(path, "rb");
  buffer_init(contents, LIMIT);
  if (file == NULL) {
    fail(path);
    return;
  }
  while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
    buffer_append(contents, piece, got);
  }
  fclose(file);
  if (contents->failed || contents->length == 0) {
    fail(path);
  }
}

typedef struct job {
  buffer text;
  buffer prototype;
  document_reading reading;
  document_work work;
} job;

static void turn(job *j, long number) {
  document read;
  json_fault fault;
  const char *change = changes[number % 2];
  json_slice text = {j->text.data, j->text.length};
  json_slice prototype = {j->prototype.data, j->prototype.length};
  if (!document_read(&j->reading, text, (document_earlier){.known = NULL}, &read, &fault) ||
      !document_apply(&j->work, &read, (json_slice){change, strlen(change)}, prototype) ||
      !document_write(&j->work, read.text)) {
    fail("the change cannot be made");
  }
  if (j->work.difference_count != 1 || j->work.next.length == 0) {
    fail("the change made no difference");
  }
}

int main(int count, char **values) {
  if (count != 4) {
    fail("FILE PROTOTYPE COUNT expected");
  }
  job j = {.reading = {.members = {NULL, 0, 0}}};
  read_file(values[1], &j.text);
  read_file(values[2], &j.prototype);
  document_work_init(&j.work, LIMIT);
  long turns = strtol(values[3], NULL, 10);
  for (long i = 0; i < WARMING; i++) {
    turn(&j, i);
  }
  double began = clock_now();
  for (long i = 0; i < turns; i++) {
    turn(&j, i);
  }
  printf("%.9f\n", (clock_now() - began) / (double)turns);
  document_work_free(&j.work);
  document_reading_free(&j.reading);
  buffer_free(&j.prototype);
  buffer_free(&j.text);
  return 0;
}
