/* What the files of http share; nobody else includes it. */
#ifndef REFERRALS_HTTP_INTERNAL_H
#define REFERRALS_HTTP_INTERNAL_H

#include "buffer.h"
#include "http.h"
#include "http_text.h"
#include "process.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdatomic.h>

#pragma GCC visibility push(hidden)

/* From 7.80 libcurl asks before each sending. Before that, or when built so to test it, a write's body is
 * read through a callback that cannot rewind, so that sending it again fails. */
#if LIBCURL_VERSION_NUM >= 0x075000 && !defined(REFERRALS_WITHOUT_PREREQ)
#define HTTP_HAS_PREREQ 1
#else
#define HTTP_HAS_PREREQ 0
#endif

/* A ring with the list itself as a link in it. */
typedef struct http_link {
  struct http_link *next, *previous;
} http_link;

typedef struct http_list {
  http_link ring;
  size_t length;
} http_list;

/* What is waited for when libcurl does not do it itself. */
typedef struct http_sockets {
  struct pollfd *polled; /* NULL: never used; else the caller's, the one that wakes, and libcurl's */
  size_t count, capacity;
  int waking;        /* where a wakeup is written */
  bool in_use;       /* false: libcurl waits by itself */
  bool were_polled;  /* and nothing was done about it yet */
  bool were_skipped; /* the last act did not look at the sockets */
  double timer;      /* when libcurl wants to be called, by http_now(); negative: not */
} http_sockets;

/* Each exchange of a session is in exactly one of its lists. */
struct http_session {
  CURLM *multi;
  process_mark process;
  char *ca_file, *ca_path, *proxy, *user_agent;
  long curl_http_version;
  http_list spare;      /* freed, kept for the next http_exchange_new() */
  http_list resting;    /* idle, or done and returned by http_session_next_done() */
  http_list under_way;  /* in the multi handle */
  http_list done;       /* not returned yet, oldest first */
  double next_deadline; /* of those under way, or earlier; a pump looks for overdue ones then */
  int newly_done;       /* since the last pump */
  int watched;          /* the caller's descriptor, or -1 */
  bool signals_blocked;
  bool expects_many; /* as soon as nothing is under way, its sockets are waited for here */
  http_sockets sockets;
  atomic_bool woken;
};

typedef enum http_state { HTTP_IDLE, HTTP_UNDER_WAY, HTTP_FINISHED } http_state;

struct http_exchange {
  http_link link; /* first: a link is its exchange */
  http_list *list;
  http_session *session; /* NULL once that is gone */
  CURL *easy;
  bool easy_is_used_up; /* something went wrong with it: the next start takes a new one */
  buffer easy_url;      /* that the handle has; empty: none */
  http_state state;
  double deadline;
  void *context; /* the caller's */
  const http_sequel *sequel;
  void *sequel_context; /* owned; NULL: none */
  bool follows;         /* the sequel was not asked yet */

  buffer header_text; /* the request's lines, each ended by NUL */
  size_t header_at[HTTP_HEADERS_MAX];
  size_t header_count;
  const char *header_refusal;
  struct curl_slist header_nodes[HTTP_HEADERS_MAX + 2];
  buffer request_body;
  size_t request_body_read; /* bytes, where the body goes through a callback */

  bool was_under_way; /* not refused at its start */
  bool is_write, sent, resend_refused;
  size_t max_body, max_header;
  size_t header_bytes; /* of all answers so far */
  bool headers_complete, body_too_large, header_too_large;
  buffer headers, body;
  http_result result;
  char error_text[CURL_ERROR_SIZE];
};

/* http.c: moves the exchange to the end of another list. */
void http_list_move(http_exchange *exchange, http_list *list);
void http_list_remove(http_exchange *exchange);

/* http.c: how long to wait until then; rather one more than one too few. */
int http_milliseconds_left(double until);

/* http.c: destroys spare exchanges beyond those worth keeping. */
void http_session_trim(http_session *session);

/* http_easy.c: a handle with all that is the same for every exchange; NULL when an option is refused. */
CURL *http_easy_new(const http_session *session, http_exchange *exchange);

/* http_easy.c: all that differs; false when libcurl refuses it. The texts in `request` are copied, its body
 * already is. `url`: what the request's is; NULL: the handle has that URL already. */
bool http_easy_prepare(http_exchange *exchange, const http_request *request, const http_url *url);

/* http_easy.c: once per process; false when libcurl cannot be used. */
bool http_easy_global_init(void);

/* http_sockets.c; free() takes what was initialised or freed. */
void http_sockets_init(http_sockets *s);
void http_sockets_free(http_sockets *s);
/* From now on, or no longer; the multi handle has nothing under way. False: as before. */
bool http_sockets_use(http_sockets *s, CURLM *multi, bool use);
/* Until some socket or the caller's descriptor is ready, a wakeup came, libcurl wants to be called, or that
 * time. False when it could not wait. */
bool http_sockets_wait(http_sockets *s, int caller, double until);
/* Was the caller's descriptor ready then? */
bool http_sockets_called(const http_sockets *s);
/* Has libcurl do what there is to do; false when it is at its end. `waits`: http_sockets_wait() comes next,
 * which looks at the sockets too, unless something is done without that. */
bool http_sockets_act(http_sockets *s, CURLM *multi, bool waits);
/* From any thread, while in use. */
void http_sockets_wake(const http_sockets *s);

/* http_exchange.c: gives back all that it owns, in whatever state, and takes it out of its list. */
void http_exchange_destroy(http_exchange *exchange);
/* Takes the request over: HTTP_DONE when it can be started, else the outcome and why. */
http_outcome http_exchange_prepare(http_exchange *exchange, const http_request *request, const char **why);
/* It came to its end, by our own judgement or by libcurl's: its result is filled in, and it is done. The
 * message is kept as it is and not copied. */
void http_exchange_finish(http_exchange *exchange, http_outcome outcome, const char *message);
void http_exchange_finish_curl(http_exchange *exchange, CURLcode code);
/* It is done: what follows is begun. */
void http_exchange_go_on(http_exchange *exchange);

/* http_receive.c: libcurl's callbacks; `user` is the exchange. */
size_t http_on_header(char *data, size_t size, size_t count, void *user);
size_t http_on_body(char *data, size_t size, size_t count, void *user);
size_t http_on_read(char *data, size_t size, size_t count, void *user);
int http_on_request(void *user, char *local, char *remote, int local_port, int remote_port);
int http_on_socket(void *user, curl_socket_t socket, curlsocktype purpose);

#pragma GCC visibility pop

#endif
