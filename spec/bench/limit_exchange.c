/* The limit's requests: libcurl's options and callbacks as csrc/http_easy.c and csrc/http_receive.c have
 * them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strncasecmp */
#endif

#include "limit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum {
  KEEPALIVE_SECONDS = 60,
  POOLED_CONNECTIONS = 128,
  UUID_BYTES = 16,
  TIMEOUT_MS = 60000,
  CONNECT_MS = 10000
};
enum { MAX_BODY = 8 << 20, MAX_HEADER = 64 << 10 };

#define SET(option, value)                                                                                   \
  do {                                                                                                       \
    if (curl_easy_setopt(easy, (option), (value)) != CURLE_OK) {                                             \
      limit_die("curl_easy_setopt " #option);                                                                \
    }                                                                                                        \
  } while (0)

void bytes_append(bytes *to, const char *data, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = (to->length + length) * 2;
    to->data = realloc(to->data, to->capacity);
    if (to->data == NULL) {
      limit_die("no memory");
    }
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

/* ---- what libcurl calls ---- */

static size_t on_header(char *data, size_t size, size_t count, void *user) {
  exchange *e = user;
  size_t length = size * count;
  if (length > MAX_HEADER - e->header_bytes) {
    return 0;
  }
  e->header_bytes += length;
  if (length >= 12 && memcmp(data, "HTTP/", 5) == 0) {
    const char *space = memchr(data, ' ', length);
    e->headers.length = 0;
    e->status = space != NULL ? atoi(space) : 0;
  }
  if (data[0] == '\r') {
    e->complete = e->status >= 200;
    return length;
  }
  bytes_append(&e->headers, data, length);
  return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
  exchange *e = user;
  if (size * count > MAX_BODY - e->body.length) {
    return 0;
  }
  bytes_append(&e->body, data, size * count);
  return size * count;
}

static int on_request(void *user, char *local, char *remote, int local_port, int remote_port) {
  (void)local, (void)remote, (void)local_port, (void)remote_port;
  exchange *e = user;
  if (e->sent && e->is_write) {
    return CURL_PREREQFUNC_ABORT;
  }
  e->sent = true;
  return CURL_PREREQFUNC_OK;
}

static int on_socket(void *user, curl_socket_t socket, curlsocktype purpose) {
  (void)user, (void)purpose;
  return fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}

/* ---- handles ---- */

static void join(char *out, const char *name, const char *value) {
  size_t length = strlen(name);
  memcpy(out, name, length);
  memcpy(out + length, value, strlen(value) + 1);
}

void limit_open(limit *l) {
  l->multi = curl_multi_init();
  curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)POOLED_CONNECTIONS);
}

static void set_duties(const limit *l, exchange *e) {
  CURL *easy = e->handle;
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  SET(CURLOPT_HTTP09_ALLOWED, 0L);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  SET(CURLOPT_ACCEPT_ENCODING, "gzip");
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_TCP_NODELAY, 1L);
  SET(CURLOPT_TCP_KEEPALIVE, 1L);
  SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS);
  SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_SECONDS);
  SET(CURLOPT_HTTP_VERSION, (long)(l->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
  SET(CURLOPT_QUICK_EXIT, 1L);
  SET(CURLOPT_ERRORBUFFER, e->error_text);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, e);
  SET(CURLOPT_PREREQFUNCTION, on_request);
  SET(CURLOPT_PREREQDATA, e);
}

exchange *exchange_new(limit *l) {
  exchange *e = calloc(1, sizeof *e);
  CURL *easy = curl_easy_init();
  if (e == NULL || easy == NULL) {
    limit_die("no memory");
  }
  e->handle = easy;
  join(e->tag, "\"2500ec5a-0000-0000-0000-5bf4967d0000\"", "");
  SET(CURLOPT_PRIVATE, e);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, e);
  if (l->ca_file != NULL) {
    SET(CURLOPT_CAINFO, l->ca_file);
  }
  if (!l->bare) {
    set_duties(l, e);
    SET(CURLOPT_USERAGENT, l->user_agent);
  }
  return e;
}

void exchange_free(exchange *e) {
  curl_easy_cleanup(e->handle);
  free(e->headers.data);
  free(e->body.data);
  free(e);
}

/* ---- requests ---- */

static void write_uuid(limit *l, char *out) {
  static const char digits[] = "0123456789abcdef";
  if (l->random_left < UUID_BYTES) {
    if (getrandom(l->random, sizeof l->random, 0) != (ssize_t)sizeof l->random) {
      limit_die("getrandom");
    }
    l->random_left = sizeof l->random;
  }
  unsigned char *raw = l->random + (sizeof l->random - l->random_left);
  l->random_left -= UUID_BYTES;
  raw[6] = (unsigned char)((raw[6] & 0x0F) | 0x40);
  raw[8] = (unsigned char)((raw[8] & 0x3F) | 0x80);
  for (int i = 0; i < UUID_BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *out++ = '-';
    }
    *out++ = digits[raw[i] >> 4];
    *out++ = digits[raw[i] & 0x0F];
  }
  *out = '\0';
}

/* Those that never change are written once. */
static size_t write_lines(limit *l, exchange *e) {
  size_t count = 0;
  if (e->lines[0][0] == '\0') {
    join(e->lines[0], "Accept: application/json", "");
    join(e->lines[1], "Authorization: Bearer ", l->token);
    join(e->lines[2], "client-request-id: ", "");
    join(e->lines[3], "Content-Type: application/json", "");
    join(e->lines[5], "Prefer: return=representation", "");
  }
  if (!l->bare) {
    e->nodes[count++].data = e->lines[0];
  }
  e->nodes[count++].data = e->lines[1];
  if (!l->bare) {
    write_uuid(l, e->lines[2] + strlen("client-request-id: "));
    e->nodes[count++].data = e->lines[2];
  }
  if (e->is_write) {
    join(e->lines[4], "If-Match: ", e->tag);
    e->nodes[count++].data = e->lines[3];
    e->nodes[count++].data = e->lines[4];
    if (l->method[1] == 'A') {
      e->nodes[count++].data = e->lines[5];
    }
  }
  return count;
}

static void set_headers(limit *l, exchange *e) {
  static char no_expect[] = "Expect:";
  static char no_type[] = "Content-Type:";
  CURL *easy = e->handle;
  size_t count = write_lines(l, e);
  if (e->is_write && !l->bare) {
    e->nodes[count++].data = no_expect;
    e->nodes[count++].data = no_type;
  }
  for (size_t i = 0; i < count; i++) {
    e->nodes[i].next = i + 1 < count ? &e->nodes[i + 1] : NULL;
  }
  SET(CURLOPT_HTTPHEADER, e->nodes);
}

static void prepare(limit *l, exchange *e, size_t referral) {
  static const char example[] = "49d90c72-3326-4f61-aacc-2cb57970448c";
  CURL *easy = e->handle;
  if (referral != 0) {
    snprintf(e->url, sizeof e->url, "%s/referrals/00000000-0000-4000-8000-%012zu", l->endpoint, referral);
  } else if (e->url[0] == '\0') {
    snprintf(e->url, sizeof e->url, "%s/referrals/%s", l->endpoint, example);
  }
  e->referral = referral;
  e->was_read = !e->is_write;
  e->sent = e->complete = false;
  e->header_bytes = e->headers.length = e->body.length = 0;
  e->error_text[0] = '\0';
  SET(CURLOPT_URL, e->url);
  set_headers(l, e);
  if (!l->bare) {
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_PIPEWAIT, l->http2 ? 1L : 0L);
    SET(CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
  }
}

void exchange_read(limit *l, exchange *e, size_t referral) {
  CURL *easy = e->handle;
  e->is_write = false;
  SET(CURLOPT_HTTPGET, 1L);
  SET(CURLOPT_CUSTOMREQUEST, NULL);
  prepare(l, e, referral);
}

void exchange_write(limit *l, exchange *e, size_t referral, size_t number) {
  CURL *easy = e->handle;
  const bytes *body = &l->bodies[number % 2];
  e->is_write = true;
  SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->length);
  SET(CURLOPT_POSTFIELDS, body->data);
  SET(CURLOPT_CUSTOMREQUEST, l->method);
  prepare(l, e, referral);
}

static void take_tag(exchange *e) {
  static const char name[] = "ETag: ";
  const char *end = e->headers.data + e->headers.length;
  for (const char *line = e->headers.data; line != NULL && end - line > (long)sizeof name; line++) {
    if (strncasecmp(line, name, sizeof name - 1) == 0) {
      const char *value = line + sizeof name - 1;
      const char *last = memchr(value, '\r', (size_t)(end - value));
      if (last != NULL && last - value < TAG_SIZE) {
        memcpy(e->tag, value, (size_t)(last - value));
        e->tag[last - value] = '\0';
      }
      return;
    }
    line = memchr(line, '\n', (size_t)(end - line));
    if (line == NULL) {
      return;
    }
  }
}

void exchange_finish(exchange *e, CURLcode code) {
  long status = 0;
  curl_easy_getinfo(e->handle, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200) {
    fprintf(stderr, "%s %ld\n", e->error_text, status);
    limit_die(curl_easy_strerror(code));
  }
  take_tag(e);
}
