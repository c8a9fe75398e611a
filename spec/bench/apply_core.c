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

#include "document_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LIMIT = 1 << 28, WARMING = 3 /* turns: the first ones meet memory that the process never had */ };

static const char *const changes[] = {"{\"details\":{\"dealValue\":50001}}",
                                      "{\"details\":{\"dealValue\":50002}}"};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "apply_core: %s\n", what);
  exit(1);
}

/* The caller's to free; never NULL. */
static char *contents_of(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    fail("the file cannot be read");
    return NULL;
  }
  long size = ftell(file);
  char *text = size > 0 ? malloc((size_t)size) : NULL;
  rewind(file);
  if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) {
    fail("the file cannot be read");
  }
  fclose(file);
  *length = (size_t)size;
  return text;
}

typedef struct job {
  json_slice text;
  json_slice prototype;
  document_reading reading;
  document_work work;
} job;

static void turn(job *j, long number) {
  document read;
  json_fault fault;
  const char *change = changes[number % 2];
  if (!document_read(&j->reading, j->text, (document_earlier){.known = NULL}, &read, &fault) ||
      !document_apply(&j->work, &read, (json_slice){change, strlen(change)}, j->prototype) ||
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
  job j = {.text = {NULL, 0}};
  char *text = contents_of(values[1], &j.text.length);
  char *prototype = contents_of(values[2], &j.prototype.length);
  j.text.at = text;
  j.prototype.at = prototype;
  document_work_init(&j.work, LIMIT);
  long turns = strtol(values[3], NULL, 10);
  for (long i = 0; i < WARMING; i++) {
    turn(&j, i);
  }
  double began = now();
  for (long i = 0; i < turns; i++) {
    turn(&j, i);
  }
  printf("%.9f\n", (now() - began) / (double)turns);
  document_work_free(&j.work);
  document_reading_free(&j.reading);
  free(prototype);
  free(text);
  return 0;
}
