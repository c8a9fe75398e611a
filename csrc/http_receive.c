/* What libcurl calls while it sends and receives. Nothing here may call Lua. */
#include "http_internal.h"

#include <fcntl.h>
#include <string.h>

/* The number in "HTTP/1.1 200 OK" or "HTTP/2 200", 0 without one. */
static int status_of(const char *line, size_t length) {
  const char *space = memchr(line, ' ', length);
  int status = 0;
  for (int i = 1; i <= 3; i++) {
    if (space == NULL || space + i >= line + length || space[i] < '0' || space[i] > '9') {
      return 0;
    }
    status = status * 10 + (space[i] - '0');
  }
  return status;
}

/* An interim answer is forgotten when the next begins; trailers come after the end and are left out. */
size_t http_on_header(char *data, size_t size, size_t count, void *user) {
  http_exchange *exchange = user;
  size_t length = size * count;
  if (length > exchange->max_header - exchange->header_bytes) {
    exchange->header_too_large = true;
    return 0;
  }
  exchange->header_bytes += length;
  if (exchange->headers_complete) {
    return length;
  }
  if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) {
    buffer_clear(&exchange->headers);
    exchange->result.status = status_of(data, length);
  }
  if (data[0] == '\r' || data[0] == '\n') {
    exchange->headers_complete = exchange->result.status >= 200;
    return length;
  }
  return buffer_append(&exchange->headers, data, length) ? length : 0;
}

size_t http_on_body(char *data, size_t size, size_t count, void *user) {
  http_exchange *exchange = user;
  size_t length = size * count;
  if (length > exchange->max_body - exchange->body.length) {
    exchange->body_too_large = true;
    return 0;
  }
  return buffer_append(&exchange->body, data, length) ? length : 0;
}

/* Only where there is no http_on_request(): the body of a write, once. */
size_t http_on_read(char *data, size_t size, size_t count, void *user) {
  http_exchange *exchange = user;
  size_t left = exchange->request_body.length - exchange->request_body_read;
  size_t length = size * count < left ? size * count : left;
  if (length > 0) {
    memcpy(data, exchange->request_body.data + exchange->request_body_read, length);
    exchange->request_body_read += length;
    exchange->sent = true;
  }
  return length;
}

/* Called when a connection stands and the request is about to go out; again when libcurl, having met a dead
 * connection, wants to send it on another one. The first may have been applied: a write stays sent once. */
int http_on_request(void *user, char *local, char *remote, int local_port, int remote_port) {
  (void)local, (void)remote, (void)local_port, (void)remote_port;
  http_exchange *exchange = user;
  if (exchange->sent && exchange->is_write) {
    exchange->resend_refused = true;
    return 1; /* CURL_PREREQFUNC_ABORT */
  }
  exchange->sent = true;
  return 0; /* CURL_PREREQFUNC_OK */
}

/* A program started by the script would keep the connection open. */
int http_on_socket(void *user, curl_socket_t socket, curlsocktype purpose) {
  (void)user, (void)purpose;
  return fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ERROR;
}
