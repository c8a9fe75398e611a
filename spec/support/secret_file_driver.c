/* Locks of a secret over a fork: prints what is wrong, and nothing when all is well. */
#include "secret_file.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect(secret_status found, secret_status expected, const char *what) {
  if (found != expected) {
    printf("%s: %d instead of %d\n", what, (int)found, (int)expected);
  }
}

static secret_status try_lock(const char *path) {
  int lock;
  secret_status status = secret_file_lock(path, &lock);
  secret_file_unlock(lock);
  return status;
}

static void child_leaves(const char *path) {
  int lock;
  expect(secret_file_lock(path, &lock), SECRET_OK, "the first lock");
  pid_t child = fork();
  if (child == 0) {
    secret_file_abandon(lock);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  expect(try_lock(path), SECRET_BUSY, "after a child left it");
  secret_file_unlock(lock);
  expect(try_lock(path), SECRET_OK, "after it was given back");
}

static void child_lives_on(const char *path) {
  int lock;
  int ends[2];
  expect(secret_file_lock(path, &lock), SECRET_OK, "another lock");
  pid_t child = pipe(ends) == 0 ? fork() : -1;
  if (child == 0) {
    char byte;
    close(ends[1]);
    ssize_t got = read(ends[0], &byte, 1); /* the end of the parent's side */
    _exit(got == 0 ? 0 : 1);
  }
  secret_file_unlock(lock);
  expect(try_lock(path), SECRET_OK, "given back while a child lives");
  close(ends[1]);
  waitpid(child, NULL, 0);
}

int main(int count, char **arguments) {
  if (count != 2) {
    return 2;
  }
  child_leaves(arguments[1]);
  child_lives_on(arguments[1]);
  return 0;
}
