/*
 * One session of csrc/http.c without Lua:  driver ca-file|- fork|stay [method url body] ...
 * Asks one after the other and prints a line for each: "ok|failed sent|unsent status new-connections message".
 * With "fork", a child is made after the first one: it must not be able to use the session, and frees it.
 */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static http_method method_of(const char *name) {
  static const char *const names[] = {"GET", "POST", "PUT", "PATCH"};
  int method = 0;
  while (method < HTTP_PATCH && strcmp(names[method], name) != 0) {
    method++;
  }
  return (http_method)method;
}

static void start(http_session *session, http_exchange *exchange, char **request) {
  http_exchange_add_header(exchange, "Content-Type: application/json", strlen("Content-Type: application/json"));
  http_request wanted = {.method = method_of(request[0]),
                         .url = request[1],
                         .url_length = strlen(request[1]),
                         .body = request[2],
                         .body_length = strlen(request[2]),
                         .timeout = 20,
                         .connect_timeout = 20,
                         .max_body = 1 << 20,
                         .max_header = 1 << 16};
  http_session_start(session, exchange, &wanted);
}

static void ask(http_session *session, char **request) {
  http_exchange *exchange = http_exchange_new(session);
  start(session, exchange, request);
  while (http_exchange_result(exchange) == NULL) {
    http_session_pump(session, 1);
  }
  const http_result *result = http_exchange_result(exchange);
  printf("%s %s %d %ld %s\n", result->outcome == HTTP_DONE ? "ok" : "failed", result->sent ? "sent" : "unsent",
         result->status, http_exchange_transfer(exchange).connections_made,
         result->message == NULL ? "-" : result->message);
  fflush(stdout);
  http_exchange_free(exchange);
}

static int be_a_child(http_session *session, http_exchange *under_way, char **request) {
  http_exchange *exchange = http_exchange_new(session);
  start(session, exchange, request);
  const http_result *result = http_exchange_result(exchange);
  bool refused = result != NULL && result->outcome == HTTP_INVALID && !result->sent;
  bool good = refused && !http_session_is_ours(session) && http_session_pump(session, 5) == 0;
  http_exchange_free(exchange);
  http_session_free(session);
  http_exchange_free(under_way);
  return good ? 0 : 1;
}

/* Forks while one exchange is at rest in the pool and another one is under way. */
static bool try_child(http_session *session, char **request) {
  http_exchange *under_way = http_exchange_new(session);
  start(session, under_way, request);
  http_session_pump(session, 0);
  pid_t child = fork();
  if (child == 0) {
    _exit(be_a_child(session, under_way, request));
  }
  int status = 1;
  waitpid(child, &status, 0);
  while (http_exchange_result(under_way) == NULL) {
    http_session_pump(session, 1);
  }
  bool good = http_exchange_result(under_way)->outcome == HTTP_DONE;
  http_exchange_free(under_way);
  return good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    return 2;
  }
  http_session_options options = {.ca_file = strcmp(argv[1], "-") == 0 ? NULL : argv[1]};
  http_session *session = http_session_new(&options);
  int status = session == NULL ? 1 : 0;
  for (int i = 3; session != NULL && i + 2 < argc; i += 3) {
    ask(session, argv + i);
    if (i == 3 && strcmp(argv[2], "fork") == 0 && !try_child(session, argv + i)) {
      status = 1;
    }
  }
  http_session_free(session);
  return status;
}
