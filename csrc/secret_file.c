#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_CLOEXEC, O_NOFOLLOW, flock under -std=c11 */
#endif

#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE = S_IRUSR | S_IWUSR, OTHERS = S_IRWXG | S_IRWXO, USUAL_ROOM = 8192 /* bytes */ };

static const char LOCK_SUFFIX[] = ".lock";
static const char NEW_SUFFIX[] = ".new";

/* The caller frees it. */
static char *beside(const char *path, const char *suffix) {
  size_t length = strlen(path);
  size_t suffix_size = strlen(suffix) + 1;
  char *name = malloc(length + suffix_size);
  if (name != NULL) {
    memcpy(name, path, length);
    memcpy(name + length, suffix, suffix_size);
  }
  return name;
}

static int open_again(const char *path, int flags) {
  int descriptor;
  do {
    descriptor = open(path, flags | O_CLOEXEC, MODE);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

static void close_quietly(int descriptor) {
  int kept = errno;
  close(descriptor);
  errno = kept;
}

static secret_status status_of_errno(void) {
  if (errno == ELOOP || errno == EISDIR || errno == ENXIO) {
    return SECRET_NO_FILE;
  }
  return errno == ENOENT ? SECRET_MISSING : SECRET_SYSTEM;
}

/* root writes for whoever the secret belongs to; for anybody else the owner is right already. */
static bool give_to_owner(int descriptor, const char *path) {
  struct stat owner, given;
  if (geteuid() != 0 || lstat(path, &owner) != 0) {
    return true;
  }
  if (fstat(descriptor, &given) != 0 || !S_ISREG(given.st_mode) || given.st_nlink > 1) {
    return true; /* somebody's other file by another name */
  }
  return fchown(descriptor, owner.st_uid, owner.st_gid) == 0;
}

/* ---- the lock ---- */

static secret_status take(int descriptor) {
  struct stat found;
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK || errno == EINTR ? SECRET_BUSY : SECRET_SYSTEM;
  }
  if (fstat(descriptor, &found) != 0) {
    return SECRET_SYSTEM;
  }
  /* Somebody removed the file before it was locked: others would lock its successor. */
  return found.st_nlink == 0 ? SECRET_BUSY : SECRET_OK;
}

secret_status secret_file_lock(const char *path, int *lock) {
  *lock = -1;
  char *name = beside(path, LOCK_SUFFIX);
  if (name == NULL) {
    return SECRET_NO_MEMORY;
  }
  int descriptor = open_again(name, O_RDWR | O_CREAT | O_NOFOLLOW);
  free(name);
  if (descriptor < 0) {
    return errno == ELOOP || errno == EISDIR ? SECRET_NO_FILE : SECRET_SYSTEM;
  }
  secret_status status = take(descriptor);
  if (status == SECRET_OK && !give_to_owner(descriptor, path)) {
    status = SECRET_SYSTEM;
  }
  if (status != SECRET_OK) {
    close_quietly(descriptor);
    return status;
  }
  *lock = descriptor;
  return SECRET_OK;
}

void secret_file_unlock(int lock) {
  if (lock >= 0) {
    flock(lock, LOCK_UN); /* a child that was forked meanwhile has the descriptor too */
    close(lock);
  }
}

void secret_file_abandon(int lock) {
  if (lock >= 0) {
    close(lock);
  }
}

/* ---- reading ---- */

/* A file that its owner alone may use, and is ours or, for root, anybody's. */
static secret_status judge(int descriptor) {
  struct stat found;
  if (fstat(descriptor, &found) != 0) {
    return SECRET_SYSTEM;
  }
  if (!S_ISREG(found.st_mode)) {
    return SECRET_NO_FILE;
  }
  if ((found.st_mode & OTHERS) != 0) {
    return SECRET_OPEN;
  }
  uid_t self = geteuid();
  if (self != 0 && found.st_uid != self) {
    return SECRET_FOREIGN;
  }
  return found.st_size > SECRET_FILE_MAX ? SECRET_TOO_LARGE : SECRET_OK;
}

/* One byte more than fits is asked for, so that a file that grew meanwhile is noticed. */
static secret_status read_all(int descriptor, char *into, size_t *length) {
  size_t room = *length;
  char beyond;
  *length = 0;
  for (;;) {
    bool full = *length == room;
    ssize_t count = read(descriptor, full ? &beyond : into + *length, full ? 1 : room - *length);
    if (count == 0) {
      return SECRET_OK;
    }
    if (count < 0 && errno != EINTR) {
      return SECRET_SYSTEM;
    }
    if (count > 0 && full) {
      return SECRET_TOO_LARGE;
    }
    *length += count > 0 ? (size_t)count : 0;
  }
}

secret_status secret_file_read(const char *path, char *into, size_t *length) {
  int descriptor = open_again(path, O_RDONLY | O_NONBLOCK |
                                        O_NOFOLLOW); /* a FIFO is refused below instead of waited for */
  if (descriptor < 0) {
    return status_of_errno();
  }
  secret_status status = judge(descriptor);
  if (status == SECRET_OK) {
    status = read_all(descriptor, into, length);
  }
  close_quietly(descriptor);
  return status;
}

/* ---- writing ---- */

static bool write_all(int descriptor, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = write(descriptor, bytes, length);
    if (count >= 0) {
      bytes += count;
      length -= (size_t)count;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/* A file that a crash left behind may have any mode, so it is not written into. */
static int create(const char *name) {
  if (unlink(name) != 0 && errno != ENOENT) {
    return -1;
  }
  return open_again(name, O_WRONLY | O_CREAT | O_EXCL);
}

/* Whether there is room on the disk; a file system that cannot tell is believed. */
static bool has_room(int descriptor) {
  int why = posix_fallocate(descriptor, 0, USUAL_ROOM);
  if (why == ENOSPC || why == EDQUOT || why == EFBIG || why == EIO) {
    errno = why;
    return false;
  }
  return true;
}

static int create_for_owner(const char *name, const char *path) {
  int descriptor = create(name);
  if (descriptor >= 0 && !(fchmod(descriptor, MODE) == 0 && give_to_owner(descriptor, path))) {
    close_quietly(descriptor);
    return -1;
  }
  return descriptor;
}

static bool write_new(const char *name, const char *path, const void *bytes, size_t length) {
  int descriptor = create_for_owner(name, path);
  if (descriptor < 0) {
    return false;
  }
  bool written = write_all(descriptor, bytes, length) && fsync(descriptor) == 0;
  if (!written) {
    close_quietly(descriptor);
    return false;
  }
  return close(descriptor) == 0;
}

/* The folder of this file; `name` is cut. */
static const char *folder_of(char *name) {
  char *slash = strrchr(name, '/');
  if (slash == NULL) {
    return ".";
  }
  if (slash == name) {
    return "/";
  }
  *slash = '\0';
  return name;
}

/* So that the new name is on the disk as well. A folder that may be written but not read has the new name all
 * the same. */
static bool sync_folder(const char *folder) {
  int descriptor = open_again(folder, O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) {
    return errno == EACCES;
  }
  bool synced = fsync(descriptor) == 0 || errno == EINVAL; /* some file systems know no such thing */
  close_quietly(descriptor);
  return synced;
}

secret_status secret_file_write(const char *path, const void *bytes, size_t length) {
  if (length > SECRET_FILE_MAX) {
    return SECRET_TOO_LARGE;
  }
  char *name = beside(path, NEW_SUFFIX);
  if (name == NULL) {
    return SECRET_NO_MEMORY;
  }
  bool replaced = write_new(name, path, bytes, length) && rename(name, path) == 0;
  if (!replaced) {
    int kept = errno;
    unlink(name);
    errno = kept;
  }
  bool done = replaced && sync_folder(folder_of(name));
  int reason = errno;
  free(name);
  errno = reason;
  return done ? SECRET_OK : SECRET_SYSTEM;
}

secret_status secret_file_try(const char *path) {
  char *name = beside(path, NEW_SUFFIX);
  if (name == NULL) {
    return SECRET_NO_MEMORY;
  }
  int descriptor = create_for_owner(name, path);
  bool fits = descriptor >= 0 && has_room(descriptor);
  int reason = errno;
  if (descriptor >= 0) {
    close(descriptor);
  }
  unlink(name);
  free(name);
  errno = reason;
  return fits ? SECRET_OK : SECRET_SYSTEM;
}

const char *secret_file_explain(secret_status status) {
  switch (status) {
  case SECRET_MISSING:
    return "there is no such file";
  case SECRET_NO_FILE:
    return "it is not a plain file (symbolic links are not followed)";
  case SECRET_OPEN:
    return "others than its owner may use it: chmod 600";
  case SECRET_FOREIGN:
    return "it belongs to another user";
  case SECRET_TOO_LARGE:
    return "it is larger than 64 KiB";
  case SECRET_NO_MEMORY:
    return "not enough memory";
  case SECRET_OK:
  case SECRET_BUSY:
  case SECRET_SYSTEM:
    break;
  }
  return NULL;
}
