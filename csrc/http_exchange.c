/* One exchange: its request taken over, its outcome named. */
#include "http_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
  REQUEST_HEADER_BYTES = 256 * 1024 /* of all lines; beyond what any server takes */
};

http_exchange *http_exchange_new(http_session *session) {
  http_exchange *exchange = (http_exchange *)session->spare.ring.next;
  if (session->spare.length == 0) {
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
      return NULL;
    }
    buffer_init(&exchange->easy_url, SIZE_MAX);
    buffer_init(&exchange->header_text, REQUEST_HEADER_BYTES);
    buffer_init(&exchange->request_body, SIZE_MAX);
    buffer_init(&exchange->headers, SIZE_MAX);
    buffer_init(&exchange->body, SIZE_MAX);
    exchange->session = session;
  }
  http_list_move(exchange, &session->resting);
  return exchange;
}

void http_exchange_set_sequel(http_exchange *exchange, const http_sequel *sequel, void *context) {
  exchange->sequel = sequel;
  exchange->sequel_context = context;
  exchange->follows = true;
}

void *http_exchange_take_sequel(http_exchange *exchange) {
  void *context = exchange->sequel_context;
  exchange->sequel_context = NULL;
  exchange->follows = false;
  return context;
}

static void forget_sequel(http_exchange *exchange) {
  void *context = http_exchange_take_sequel(exchange);
  if (context != NULL) {
    exchange->sequel->forget(context);
  }
}

void http_exchange_go_on(http_exchange *exchange) {
  http_session *session = exchange->session;
  bool follows = exchange->follows && exchange->result.outcome == HTTP_DONE;
  exchange->follows = false;
  if (follows) {
    int before = session->newly_done;
    session->newly_done--; /* a start that is refused counts it again */
    if (!exchange->sequel->follow(exchange->sequel_context, session, exchange)) {
      session->newly_done = before;
    }
  }
}

/* An abandoned handle (easy == NULL) still points into the buffers, but nobody ever uses it again. */
void http_exchange_destroy(http_exchange *exchange) {
  http_list_remove(exchange);
  forget_sequel(exchange);
  if (exchange->easy != NULL) {
    curl_easy_cleanup(exchange->easy);
  }
  buffer_wipe(&exchange->easy_url);
  buffer_wipe(&exchange->header_text);
  buffer_wipe(&exchange->request_body);
  buffer_wipe(&exchange->headers);
  buffer_wipe(&exchange->body);
  free(exchange);
}

static void forget_headers(http_exchange *exchange) {
  buffer_reuse(&exchange->header_text);
  exchange->header_count = 0;
  exchange->header_refusal = NULL;
}

void http_exchange_free(http_exchange *exchange) {
  if (exchange == NULL) {
    return;
  }
  http_session *session = exchange->session;
  if (session == NULL || !http_session_is_ours(session)) {
    if (session != NULL) {
      exchange->easy = NULL;
    }
    http_exchange_destroy(exchange);
    return;
  }
  http_session_cancel(exchange);
  forget_sequel(exchange);
  forget_headers(exchange);
  buffer_reuse(&exchange->request_body);
  buffer_reuse(&exchange->headers);
  buffer_reuse(&exchange->body);
  exchange->state = HTTP_IDLE;
  exchange->context = NULL;
  http_list_move(exchange, &session->spare);
  http_session_trim(session);
}

static void add_header(http_exchange *exchange, const char *start, const char *rest, size_t length) {
  buffer *text = &exchange->header_text;
  if (exchange->header_count == HTTP_HEADERS_MAX) {
    exchange->header_refusal = "more than 64 headers";
    return;
  }
  exchange->header_at[exchange->header_count++] = text->length;
  if (!buffer_append_text(text, start) || !buffer_append(text, rest, length) ||
      !buffer_append_byte(text, '\0')) {
    exchange->header_refusal = "the headers are longer than 256 KiB, or there is no memory for them";
  }
}

/* Can another line be taken, as far as those before it go? */
static bool takes_headers(const http_exchange *exchange) {
  return exchange->state != HTTP_UNDER_WAY && exchange->header_refusal == NULL;
}

void http_exchange_add_header(http_exchange *exchange, const char *line, size_t length) {
  if (takes_headers(exchange)) {
    exchange->header_refusal = http_header_refusal(line, length);
  }
  if (takes_headers(exchange)) {
    add_header(exchange, "", line, length);
  }
}

void http_exchange_add_value(http_exchange *exchange, const char *start, const char *value, size_t length) {
  if (takes_headers(exchange)) {
    exchange->header_refusal = http_header_value_refusal(value, length);
  }
  if (takes_headers(exchange)) {
    add_header(exchange, start, value, length);
  }
}

buffer *http_exchange_body(http_exchange *exchange) {
  return exchange->state == HTTP_UNDER_WAY ? NULL : &exchange->request_body;
}

buffer *http_exchange_answer(http_exchange *exchange) {
  return exchange->state == HTTP_FINISHED ? &exchange->body : NULL;
}

static bool take_body(http_exchange *exchange, const http_request *request) {
  buffer *body = &exchange->request_body;
  if (request->body_length > 0 && request->body == body->data && request->body_length == body->length) {
    return !body->failed;
  }
  buffer_clear(body);
  return buffer_append(body, request->body, request->body_length);
}

static void forget_answer(http_exchange *exchange) {
  buffer_clear(&exchange->headers);
  buffer_clear(&exchange->body);
  exchange->header_bytes = 0;
  exchange->headers_complete = exchange->body_too_large = exchange->header_too_large = false;
  exchange->sent = exchange->resend_refused = exchange->was_under_way = false;
  exchange->error_text[0] = '\0';
  exchange->result = (http_result){0};
}

/* A handle that met an error is not trusted with the next exchange. */
static bool renew_easy(http_exchange *exchange) {
  if (exchange->easy != NULL && exchange->easy_is_used_up) {
    curl_easy_cleanup(exchange->easy);
    exchange->easy = NULL;
  }
  if (exchange->easy == NULL) {
    exchange->easy = http_easy_new(exchange->session, exchange);
    exchange->easy_is_used_up = false;
    buffer_clear(&exchange->easy_url);
  }
  return exchange->easy != NULL;
}

/* Was the handle's last request, which went well, to the very same URL? Then that was judged and is set. */
static bool has_url(const http_exchange *exchange, const http_request *request) {
  const buffer *url = &exchange->easy_url;
  return exchange->easy != NULL && !exchange->easy_is_used_up && url->length > 0 &&
         url->length == request->url_length && memcmp(url->data, request->url, url->length) == 0;
}

static bool prepare_easy(http_exchange *exchange, const http_request *request, const http_url *url) {
  if (!renew_easy(exchange) || !http_easy_prepare(exchange, request, url)) {
    return false;
  }
  if (url != NULL) {
    buffer_clear(&exchange->easy_url);
    buffer_append(&exchange->easy_url, request->url, request->url_length); /* or it is judged again */
  }
  return true;
}

http_outcome http_exchange_prepare(http_exchange *exchange, const http_request *request, const char **why) {
  http_url url;
  forget_answer(exchange);
  if (!http_session_is_ours(exchange->session)) {
    *why = "this session belongs to the process that made it; a child makes its own";
    return HTTP_INVALID;
  }
  *why = exchange->header_refusal;
  bool repeats = has_url(exchange, request);
  if (*why == NULL && !repeats) {
    *why = http_url_refusal(request->url, request->url_length, &url);
  }
  if (*why == NULL && request->method == HTTP_GET && request->body_length > 0) {
    *why = "a GET has no body";
  }
  if (*why != NULL) {
    return HTTP_INVALID;
  }
  if (!(request->timeout > 0) || !(request->connect_timeout > 0)) {
    *why = "the deadline had passed before the request was sent";
    return HTTP_TIMEOUT;
  }
  exchange->is_write = request->method != HTTP_GET;
  exchange->max_body = request->max_body;
  exchange->max_header = request->max_header;
  exchange->request_body_read = 0;
  if (!take_body(exchange, request) || !prepare_easy(exchange, request, repeats ? NULL : &url)) {
    *why = "not enough memory for the request";
    return HTTP_MEMORY;
  }
  return HTTP_DONE;
}

/* Whether anything may have left. Without http_on_request() the doubt counts as a yes. */
static bool was_sent(const http_exchange *exchange) {
#if HTTP_HAS_PREREQ
  return exchange->sent;
#else
  long request_bytes = 0;
  if (exchange->was_under_way) {
    curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
  }
  return exchange->sent || request_bytes > 0 || exchange->headers.length > 0;
#endif
}

void http_exchange_finish(http_exchange *exchange, http_outcome outcome, const char *message) {
  http_session *session = exchange->session;
  http_result *result = &exchange->result;
  exchange->state = HTTP_FINISHED;
  exchange->easy_is_used_up = outcome != HTTP_DONE;
  forget_headers(exchange);
  result->outcome = outcome;
  result->message = message;
  result->sent = was_sent(exchange);
  result->status = exchange->headers_complete ? result->status : 0;
  result->headers = exchange->headers.data;
  result->headers_length = exchange->headers_complete ? exchange->headers.length : 0;
  result->body = exchange->body.data;
  result->body_length = exchange->body.length;
  http_list_move(exchange, &session->done);
  session->newly_done++;
}

static http_outcome outcome_of(CURLcode code) {
  switch (code) {
  case CURLE_OK:
    return HTTP_DONE;
  case CURLE_OPERATION_TIMEDOUT:
    return HTTP_TIMEOUT;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return HTTP_NAME_LOOKUP;
  case CURLE_OUT_OF_MEMORY:
    return HTTP_MEMORY;
  case CURLE_SEND_FAIL_REWIND:
    return HTTP_RESEND_REFUSED;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_USE_SSL_FAILED:
    return HTTP_TLS;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return HTTP_UNTRUSTED;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_BAD_CONTENT_ENCODING:
    return HTTP_PROTOCOL;
  case CURLE_URL_MALFORMAT:
    return HTTP_INVALID;
  default:
    return HTTP_NETWORK;
  }
}

/* libcurl's own line says more, but is shown only where it never quotes a URL, a proxy or a header. */
static bool is_fit_to_show(const char *text, CURLcode code) {
  static const char connecting[] = "Failed to connect to ";
  switch (code) {
  case CURLE_COULDNT_CONNECT: /* also says what is wrong with a proxy's address, password and all */
    return strncmp(text, connecting, sizeof connecting - 1) == 0;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_OPERATION_TIMEDOUT:
  case CURLE_PARTIAL_FILE:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return text[0] != '\0';
  default:
    return false;
  }
}

static const char *message_of(const http_exchange *exchange, CURLcode code) {
  if (code == CURLE_UNSUPPORTED_PROTOCOL) {
    return "what came is not an HTTP answer";
  }
  return is_fit_to_show(exchange->error_text, code) ? exchange->error_text : curl_easy_strerror(code);
}

/* libcurl keeps one header line in a buffer of its own and calls a full one "out of memory". */
static bool met_libcurls_header_bound(const http_exchange *exchange, CURLcode code) {
#if LIBCURL_VERSION_NUM >= 0x080600
  if (code == CURLE_TOO_LARGE) {
    return true;
  }
#endif
  return code == CURLE_OUT_OF_MEMORY && exchange->sent && !exchange->headers_complete;
}

void http_exchange_finish_curl(http_exchange *exchange, CURLcode code) {
  if (exchange->resend_refused || code == CURLE_SEND_FAIL_REWIND) {
    http_exchange_finish(exchange, HTTP_RESEND_REFUSED,
                         "the connection broke before an answer came; the write was not sent again");
  } else if (exchange->header_too_large || met_libcurls_header_bound(exchange, code)) {
    http_exchange_finish(exchange, HTTP_HEADER_TOO_LARGE, "the answer's headers are larger than allowed");
  } else if (exchange->body_too_large) {
    http_exchange_finish(exchange, HTTP_BODY_TOO_LARGE, "the answer's body is larger than allowed");
  } else if (exchange->headers.failed || exchange->body.failed) {
    http_exchange_finish(exchange, HTTP_MEMORY, "not enough memory for the answer");
  } else if (code == CURLE_OK && !exchange->headers_complete) {
    /* libcurl takes the end of the connection for the end of the headers. */
    http_exchange_finish(exchange, HTTP_NETWORK, "the connection broke in the middle of the headers");
  } else if (code == CURLE_OK) {
    http_exchange_finish(exchange, HTTP_DONE, NULL);
  } else {
    http_exchange_finish(exchange, outcome_of(code), message_of(exchange, code));
  }
}

void http_exchange_set_context(http_exchange *exchange, void *context) {
  exchange->context = context;
}

void *http_exchange_context(const http_exchange *exchange) {
  return exchange->context;
}

bool http_exchange_was_sent(const http_exchange *exchange) {
  return exchange->sent;
}

const http_result *http_exchange_result(const http_exchange *exchange) {
  return exchange->state == HTTP_FINISHED ? &exchange->result : NULL;
}
