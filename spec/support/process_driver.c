/*
 * csrc/process.c without Lua:  driver real|deaf|refuses
 * How madvise() answers: as the kernel does; with success for everything, and nothing done; with a failure.
 * Prints whether a mark has a page, and whose it is in this process, in a child, in the child once it took it, in the
 * child's own child, and in this process after all of them.
 */
#define _GNU_SOURCE

#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *manner;

int madvise(void *address, size_t length, int advice) {
  if (strcmp(manner, "real") == 0) {
    return (int)syscall(SYS_madvise, address, length, advice);
  }
  errno = EINVAL;
  return strcmp(manner, "deaf") == 0 ? 0 : -1;
}

static const char *whose(const process_mark *mark) {
  return process_mark_is_ours(mark) ? "ours" : "not";
}

/* Runs this in a child and waits for it. */
static int in_a_child(void (*run)(process_mark *), process_mark *mark) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    run(mark);
    fflush(stdout);
    process_mark_free(mark);
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status;
}

static void look(process_mark *mark) {
  printf(" %s", whose(mark));
}

static void look_and_take(process_mark *mark) {
  look(mark);
  process_mark_take(mark);
  look(mark);
  in_a_child(look, mark);
}

static int try(process_mark *mark) {
  printf("%s %s", mark->page != NULL ? "page" : "none", whose(mark));
  int status = in_a_child(look_and_take, mark);
  printf(" %s\n", whose(mark));
  process_mark_free(mark);
  process_mark_free(mark);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    return 2;
  }
  manner = argv[1];
  process_mark made;
  process_mark_init(&made);
  process_mark zeroed = {.page = NULL};
  printf("%s\n", whose(&zeroed));
  process_mark_take(&zeroed);
  return try(&made) | try(&zeroed);
}
