/*
 * HTTP by libcurl. A session is one multi handle with its pool of connections; an exchange is one request
 * and its answer. Any number of exchanges of a session are under way at once; http_session_pump() moves
 * them all. A session and its exchanges belong to one thread at a time and to the process that made it;
 * only http_session_wakeup() may be called from elsewhere. Times are seconds by CLOCK_MONOTONIC.
 *
 * Always so: certificates are verified; plain http goes to loopback only, and past any proxy; no redirect is
 * followed; no cookie, no .netrc, no Expect: 100-continue; a write is never sent a second time.
 */
#ifndef REFERRALS_HTTP_H
#define REFERRALS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

typedef struct http_session http_session;
typedef struct http_exchange http_exchange;

enum { HTTP_HEADERS_MAX = 64 /* header lines of a request */ };

/* NULL or 0: libcurl's default. The texts are copied. */
typedef struct http_session_options {
  const char *ca_file; /* PEM; trusted instead of the system's certificates */
  const char *ca_path; /* a folder of such, hashed; also instead */
  const char *proxy;   /* NULL: from the environment; "": none. Never used for loopback */
  const char
      *http_version; /* "1.1"; "2" or NULL: what TLS negotiates (NULL also without HTTP/2 in libcurl) */
  const char *user_agent;
  long max_connections; /* open at once; further exchanges wait for their turn */
  bool signals_blocked; /* on whatever thread it is pumped; else an older libcurl keeps SIGPIPE away */
} http_session_options;

typedef enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH } http_method;

typedef enum http_outcome {
  HTTP_DONE,             /* a complete answer, whatever its status */
  HTTP_INVALID,          /* the request was refused here */
  HTTP_CANCELLED,        /* by http_session_cancel() or the end of the session */
  HTTP_TIMEOUT,          /* a deadline passed */
  HTTP_NAME_LOOKUP,      /* the host's or the proxy's name has no address */
  HTTP_NETWORK,          /* no connection, or it broke: before, in the middle of or instead of an answer */
  HTTP_TLS,              /* TLS could not be agreed on */
  HTTP_UNTRUSTED,        /* the server's certificate is not trusted, or the authorities could not be read */
  HTTP_PROTOCOL,         /* what came is not HTTP */
  HTTP_BODY_TOO_LARGE,   /* the answer's body is beyond max_body */
  HTTP_HEADER_TOO_LARGE, /* the answer's headers are beyond max_header */
  HTTP_RESEND_REFUSED,   /* the connection broke and sending the write again was refused */
  HTTP_MEMORY
} http_outcome;

typedef struct http_request {
  http_method method;     /* all but GET are writes; GET has no body */
  const char *url;        /* ends in NUL; see http_url_refusal() for what is taken. Copied */
  size_t url_length;      /* bytes before the NUL */
  const char *body;       /* copied; may be NULL when body_length is 0 */
  size_t body_length;     /* bytes */
  double timeout;         /* seconds for all of it, rounded up to a millisecond; 0 or less: already over */
  double connect_timeout; /* seconds for look-up, connection and TLS; the same */
  size_t max_body;        /* bytes of the answer's body, decoded */
  size_t max_header;      /* bytes of all header lines of all answers (1xx too) to this request */
} http_request;

/* Lives in its exchange, until that is started again or freed. No text in it holds a secret. */
typedef struct http_result {
  http_outcome outcome;
  const char *message; /* one line; NULL for HTTP_DONE */
  bool sent;           /* false: nothing of the request ever left. True: it may have been received */
  int status;          /* 0 when no final answer began */
  const char
      *headers; /* the final answer's status line and headers, CRLF after each; not 1xx, proxy, trailers */
  size_t headers_length;
  const char *body; /* decoded; what had come, when the outcome is not HTTP_DONE */
  size_t body_length;
} http_result;

/* Seconds since the start of the exchange; 0 for what did not happen. */
typedef struct http_transfer {
  double name_lookup, connect, tls, first_byte, total;
  int http_version;      /* 10, 11, 20, 30; 0: none */
  long connections_made; /* new ones that this exchange opened */
  long long received;    /* bytes of the answer's body on the wire */
} http_transfer;

/* Seconds of a clock that nobody sets. */
double http_now(void);

/* How many of the seconds that a call has left its write may take: the rest, five and of a short call fewer
 * or none, is for looking at what became of it, should no answer come. */
double http_time_for_write(double left);

/* NULL when libcurl refuses an option or the memory is short. */
http_session *http_session_new(const http_session_options *options);

/* Cancels what is under way. The exchanges stay readable and are still to be freed. After a fork, in the
 * child: libcurl's handles are abandoned, since cleaning up would end the parent's TLS connections. */
void http_session_free(http_session *session);

/* False in a child process. A session that is not ours neither starts nor pumps anything. */
bool http_session_is_ours(const http_session *session);

/* Exchanges that were started and are not done. */
size_t http_session_in_flight(const http_session *session);

/* An idle exchange, from the session's spare ones if it can; NULL when the memory is short. */
http_exchange *http_exchange_new(http_session *session);

/* Cancels it if need be and gives its handle and buffers back to the session. Takes NULL. */
void http_exchange_free(http_exchange *exchange);

/* One header line for the next start, "Name: value", copied and wiped before its memory is given back. A
 * refused line (see http_header_refusal(); more than HTTP_HEADERS_MAX; no memory) makes that start fail.
 * Without a Content-Type among them none is sent. Not while the exchange is under way. */
void http_exchange_add_header(http_exchange *exchange, const char *line, size_t length);

/* The same for a value of `length` bytes behind `start`, a text of ours such as "If-Match: ". */
void http_exchange_add_value(http_exchange *exchange, const char *start, const char *value, size_t length);

/* Where the next start's body may be written beforehand, so that it need not be copied; NULL while the
 * exchange is under way. */
struct buffer *http_exchange_body(http_exchange *exchange);

/* The body of a done exchange's answer, to be taken over for another buffer; the result's body is not good
 * any more then. */
struct buffer *http_exchange_answer(http_exchange *exchange);

/* Starts an idle or done exchange. False: it is done at once and its result says why. The headers added
 * are used up either way. Everything in `request` may go as soon as this returns. */
bool http_session_start(http_session *session, http_exchange *exchange, const http_request *request);

/* What follows the answer to an exchange's request, which is complete, at once and in the same exchange. */
typedef struct http_sequel {
  /* Called in the middle of a pump. True: it started the exchange again, and only that is waited for and
   * given out. False: nothing follows. */
  bool (*follow)(void *context, http_session *session, http_exchange *exchange);
  void (*forget)(void *context); /* frees it */
} http_sequel;

/* For the next start, once. The exchange owns the context until that is taken back. */
void http_exchange_set_sequel(http_exchange *exchange, const http_sequel *sequel, void *context);

/* The context, the caller's again; NULL when there is none. Nothing follows any more. */
void *http_exchange_take_sequel(http_exchange *exchange);

/* Moves everything on until an exchange is done, `seconds` are over or a wakeup came; with nothing under
 * way it waits just so. Returns how many were done (refused starts too) since the last call. */
int http_session_pump(http_session *session, double seconds);

/* Many exchanges at once are moved on in another way than one after the other: which of the two it is, is
 * told beforehand, and changes while nothing is under way. False when there is no descriptor or memory for
 * it. */
bool http_session_expect_many(http_session *session, bool many);

/* A descriptor that ends a pump's waiting when it is readable, -1 for none; the caller keeps it open. */
void http_session_watch(http_session *session, int descriptor);

/* The next exchange that is done and was not returned here yet, in that order; NULL when there is none. */
http_exchange *http_session_next_done(http_session *session);

/* Ends it if it is under way: done, HTTP_CANCELLED. */
void http_session_cancel(http_exchange *exchange);

/* Makes a waiting pump, or else the next one, return. From any thread while the session exists. */
void http_session_wakeup(http_session *session);

/* Whatever the caller wants to find again with an exchange; NULL until it is set, and again once it is freed.
 */
void http_exchange_set_context(http_exchange *exchange, void *context);
void *http_exchange_context(const http_exchange *exchange);

/* As http_result has it, but also while the exchange is under way. */
bool http_exchange_was_sent(const http_exchange *exchange);

/* NULL while the exchange is idle or under way. */
const http_result *http_exchange_result(const http_exchange *exchange);

/* Of a done exchange; all zero when it never got under way. */
http_transfer http_exchange_transfer(const http_exchange *exchange);

#pragma GCC visibility pop

#endif
