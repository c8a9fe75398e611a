/* Until when a client sends nothing more: the service asked it for less. Shared by threads. */
#ifndef REFERRALS_CLIENT_PAUSE_H
#define REFERRALS_CLIENT_PAUSE_H

#include <stdbool.h>

#pragma GCC visibility push(hidden)

typedef struct client_pause client_pause;

/* Over from the beginning. NULL without memory; else it has one holder. */
client_pause *client_pause_new(void);

/* One more holder; and one less: the last one's release frees it. Takes NULL. */
client_pause *client_pause_hold(client_pause *p);
void client_pause_release(client_pause *p);

/* It lasts until then, by http_now(), in seconds; or, extended, at least until then. */
void client_pause_set(client_pause *p, double until);
void client_pause_extend(client_pause *p, double until);
bool client_pause_lasts(const client_pause *p);

/* An answer came with that status: when the service asked for less, until somebody reads in it for how long,
 * or for some seconds. */
void client_pause_note(client_pause *p, int status);

#pragma GCC visibility pop

#endif
