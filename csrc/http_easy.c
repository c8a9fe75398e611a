/* libcurl's easy handles: the options, those that never change apart from those of one exchange. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif

#include "http_internal.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>

enum { KEEPALIVE_SECONDS = 60 };

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static bool global_ready; /* written once, in global_init() */

/* A look-up that outlived its deadline still runs in libcurl's thread: the code must not be unmapped when the
 * Lua state that loaded it is closed. */
static void stay_loaded(void) {
  Dl_info self;
  if (dladdr(&global_once, &self) != 0 && self.dli_fname != NULL) {
    dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE | RTLD_NOLOAD);
  }
}

static void global_init(void) {
  global_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  stay_loaded();
}

bool http_easy_global_init(void) {
  return pthread_once(&global_once, global_init) == 0 && global_ready;
}

#define SET(option, value) (curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static bool set_protocols(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  return SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* Not every TLS library knows both forms, and one that knows neither trusts nothing of its own by it. */
static bool set_trust(CURL *easy, CURLoption option, const char *path) {
  CURLcode code = curl_easy_setopt(easy, option, path);
  return code == CURLE_OK || (path == NULL && (code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION));
}

/* What is trusted instead of the system's: libcurl presets both forms, so the one that is not given is unset.
 */
static bool set_authorities(CURL *easy, const http_session *session) {
  if (session->ca_file == NULL && session->ca_path == NULL) {
    return true;
  }
  return set_trust(easy, CURLOPT_CAINFO, session->ca_file) &&
         set_trust(easy, CURLOPT_CAPATH, session->ca_path);
}

/* Nothing but the request that was asked for, to a server whose certificate is good. */
static bool set_security(CURL *easy, const http_session *session) {
  return SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
         set_authorities(easy, session) && set_protocols(easy) && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
         SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) && SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
         SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_PATH_AS_IS, 1L) &&
         SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/* Only gzip is offered: every service has it, and each further name costs in each request. */
static bool set_encoding(CURL *easy) {
  bool has_zlib = (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_LIBZ) != 0;
  return !has_zlib || SET(CURLOPT_ACCEPT_ENCODING, "gzip");
}

/* On the caller's own thread an older libcurl has to keep OpenSSL's SIGPIPE away, which it does only where it
 * may touch signals; a look-up on a thread of its own needs none of them. A reactor's thread blocks them all.
 */
static bool keeps_signals_away(const http_session *session) {
  enum { SENDS_WITHOUT_SIGPIPE = 0x075800 };
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  return info->version_num < SENDS_WITHOUT_SIGPIPE && (info->features & CURL_VERSION_ASYNCHDNS) != 0 &&
         !session->signals_blocked;
}

static bool set_connection(CURL *easy, const http_session *session) {
  return SET(CURLOPT_NOSIGNAL, keeps_signals_away(session) ? 0L : 1L) && SET(CURLOPT_TCP_NODELAY, 1L) &&
         SET(CURLOPT_TCP_KEEPALIVE, 1L) && SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_SECONDS) &&
         SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_SECONDS) &&
         SET(CURLOPT_HTTP_VERSION, session->curl_http_version) &&
         SET(CURLOPT_SOCKOPTFUNCTION, http_on_socket) &&
#if LIBCURL_VERSION_NUM >= 0x075700
         /* Else the end of an exchange waits for a look-up that hangs, and the whole session with it. */
         SET(CURLOPT_QUICK_EXIT, 1L) &&
#endif
         (session->user_agent == NULL || SET(CURLOPT_USERAGENT, session->user_agent));
}

static bool set_callbacks(CURL *easy, http_exchange *exchange) {
  return SET(CURLOPT_PRIVATE, exchange) && SET(CURLOPT_ERRORBUFFER, exchange->error_text) &&
         SET(CURLOPT_HEADERFUNCTION, http_on_header) && SET(CURLOPT_HEADERDATA, exchange) &&
         SET(CURLOPT_WRITEFUNCTION, http_on_body) && SET(CURLOPT_WRITEDATA, exchange) &&
#if HTTP_HAS_PREREQ
         SET(CURLOPT_PREREQFUNCTION, http_on_request) && SET(CURLOPT_PREREQDATA, exchange);
#else
         SET(CURLOPT_READFUNCTION, http_on_read) && SET(CURLOPT_READDATA, exchange);
#endif
}

CURL *http_easy_new(const http_session *session, http_exchange *exchange) {
  CURL *easy = curl_easy_init();
  if (easy == NULL) {
    return NULL;
  }
  if (!set_security(easy, session) || !set_encoding(easy) || !set_connection(easy, session) ||
      !set_callbacks(easy, exchange)) {
    curl_easy_cleanup(easy);
    return NULL;
  }
  return easy;
}

/* Up, because a deadline is not cut short; libcurl reads 0 as "none", so at least one. */
static long milliseconds(double seconds) {
  double value = seconds * 1000;
  if (!(value > 1)) {
    return 1;
  }
  if (value >= INT_MAX) {
    return INT_MAX;
  }
  long whole = (long)value;
  return (double)whole < value ? whole + 1 : whole;
}

/* The nodes point into the exchange's own text: libcurl copies neither them nor the lines. */
static struct curl_slist *link_headers(http_exchange *exchange, bool has_body) {
  /* A name without a value keeps libcurl from adding that header. It only reads them, whatever the type says.
   */
  static const char no_expect[] = "Expect:";
  static const char no_type[] = "Content-Type:";
  size_t count = 0;
  for (; count < exchange->header_count; count++) {
    exchange->header_nodes[count].data = exchange->header_text.data + exchange->header_at[count];
  }
  if (has_body) {
    exchange->header_nodes[count++].data = (char *)no_expect;
    exchange->header_nodes[count++].data = (char *)no_type;
  }
  for (size_t i = 0; i < count; i++) {
    exchange->header_nodes[i].next = i + 1 < count ? &exchange->header_nodes[i + 1] : NULL;
  }
  return count > 0 ? exchange->header_nodes : NULL;
}

static bool set_write(CURL *easy, const http_exchange *exchange, const char *name) {
  const buffer *body = &exchange->request_body;
  curl_off_t length = (curl_off_t)body->length;
#if HTTP_HAS_PREREQ
  const char *bytes = body->length > 0 ? body->data : "";
  return SET(CURLOPT_POSTFIELDSIZE_LARGE, length) && SET(CURLOPT_POSTFIELDS, bytes) &&
         SET(CURLOPT_CUSTOMREQUEST, name);
#else
  /* Without a body there is nothing to rewind: only a connection of its own is never found dead. */
  return SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDS, NULL) && SET(CURLOPT_POSTFIELDSIZE_LARGE, length) &&
         SET(CURLOPT_CUSTOMREQUEST, name) && SET(CURLOPT_FRESH_CONNECT, body->length == 0 ? 1L : 0L);
#endif
}

static bool set_get(CURL *easy) {
#if !HTTP_HAS_PREREQ
  if (!SET(CURLOPT_FRESH_CONNECT, 0L)) {
    return false;
  }
#endif
  return SET(CURLOPT_HTTPGET, 1L) && SET(CURLOPT_CUSTOMREQUEST, NULL);
}

/* Waiting for a connection to be shared makes sense only where TLS settles early whether it can be: over
 * plain http the others would wait for the first one's answer. */
static bool set_url(const http_exchange *exchange, const char *text, const http_url *url) {
  CURL *easy = exchange->easy;
  const char *proxy = url->loopback ? "" : exchange->session->proxy;
  return SET(CURLOPT_URL, text) && SET(CURLOPT_PROXY, proxy) && SET(CURLOPT_PIPEWAIT, url->secure ? 1L : 0L);
}

/* The handle is not reset in between: whatever one exchange sets, the next one sets too. */
bool http_easy_prepare(http_exchange *exchange, const http_request *request, const http_url *url) {
  static const char *const names[] = {NULL, "POST", "PUT", "PATCH"};
  CURL *easy = exchange->easy;
  bool is_write = request->method != HTTP_GET;
  return (url == NULL || set_url(exchange, request->url, url)) &&
         (is_write ? set_write(easy, exchange, names[request->method]) : set_get(easy)) &&
         SET(CURLOPT_HTTPHEADER, link_headers(exchange, is_write)) &&
         SET(CURLOPT_TIMEOUT_MS, milliseconds(request->timeout)) &&
         SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request->connect_timeout));
}

static double seconds_of(CURL *easy, CURLINFO info) {
  curl_off_t microseconds = 0;
  return curl_easy_getinfo(easy, info, &microseconds) == CURLE_OK ? (double)microseconds / 1e6 : 0;
}

static int version_of(CURL *easy) {
  long version = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  switch (version) {
  case CURL_HTTP_VERSION_1_0:
    return 10;
  case CURL_HTTP_VERSION_1_1:
    return 11;
  case CURL_HTTP_VERSION_2_0:
    return 20;
  case CURL_HTTP_VERSION_3:
    return 30;
  default:
    return 0;
  }
}

http_transfer http_exchange_transfer(const http_exchange *exchange) {
  http_transfer transfer = {0};
  if (exchange->state != HTTP_FINISHED || !exchange->was_under_way || exchange->easy == NULL) {
    return transfer;
  }
  CURL *easy = exchange->easy;
  curl_off_t received = 0;
  transfer.name_lookup = seconds_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
  transfer.connect = seconds_of(easy, CURLINFO_CONNECT_TIME_T);
  transfer.tls = seconds_of(easy, CURLINFO_APPCONNECT_TIME_T);
  transfer.first_byte = seconds_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
  transfer.total = seconds_of(easy, CURLINFO_TOTAL_TIME_T);
  transfer.http_version = version_of(easy);
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &transfer.connections_made);
  curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
  transfer.received = (long long)received;
  return transfer;
}
