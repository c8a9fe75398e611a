/* A file that holds one secret which several processes replace in turn: nobody else may read it, one process
 * at a time may have it locked, and a new secret is on the disk before anything else happens. */
#ifndef REFERRALS_SECRET_FILE_H
#define REFERRALS_SECRET_FILE_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

enum { SECRET_FILE_MAX = 65536 /* bytes of a secret */ };

typedef enum secret_status {
  SECRET_OK,
  SECRET_BUSY,    /* somebody else has the lock */
  SECRET_MISSING, /* there is no such file */
  SECRET_NO_FILE, /* a symbolic link, a folder, a device */
  SECRET_OPEN,    /* others than its owner may do something with it */
  SECRET_FOREIGN, /* it is another user's */
  SECRET_TOO_LARGE,
  SECRET_NO_MEMORY,
  SECRET_SYSTEM /* the system call that failed left its reason in errno */
} secret_status;

/*
 * Takes the lock of the secret at `path`, which is the file `path`.lock beside it, or says at once that it is
 * busy. `*lock` is then a descriptor for secret_file_unlock(), and -1 on anything but SECRET_OK. The lock
 * ends with the process, however that ends, and with the children that it forked while it held it; it holds
 * between two holders in one process too.
 */
secret_status secret_file_lock(const char *path, int *lock);

/* Gives the lock back; -1 is no lock. */
void secret_file_unlock(int lock);

/* The same in a child of the process that has it: that one keeps it. */
void secret_file_abandon(int lock);

/* Reads what the file holds into the `*length` bytes at `into`; `*length` is then how many it were. Only
 * while locked. */
secret_status secret_file_read(const char *path, char *into, size_t *length);

/*
 * Replaces what the file holds, so that whoever looks, also after a crash, finds the old secret or the new
 * one: a new file `path`.new (mode 0600) is written, synced and renamed, and the folder is synced, where it
 * may be read. A file that root replaces keeps its owner. Only while locked.
 */
secret_status secret_file_write(const char *path, const void *bytes, size_t length);

/*
 * Could a secret be written now? Makes the new file with room for one on the disk, and removes it again: so
 * whoever is about to spend the old secret knows before. Only while locked.
 */
secret_status secret_file_try(const char *path);

/* One line for people; static text, NULL for SECRET_OK, SECRET_BUSY and SECRET_SYSTEM. */
const char *secret_file_explain(secret_status status);

#pragma GCC visibility pop

#endif
