/* What the two files of the limit share. */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct bytes {
  char *data;
  size_t length, capacity;
} bytes;

typedef struct limit {
  const char *endpoint, *token, *method, *ca_file, *user_agent;
  bytes bodies[2];
  size_t count, warm, at_once;
  size_t started, last, under_way; /* side by side */
  bool get, easy, bare, http2;
  CURLM *multi;
  unsigned char random[4096];
  size_t random_left;
} limit;

enum { LINES = 8, LINE_SIZE = 4096, TAG_SIZE = 128 };

typedef struct exchange {
  CURL *handle;
  size_t referral;
  bool was_read; /* the last request was a read */
  bool is_write, sent, complete;
  int status;
  size_t header_bytes;
  bytes headers, body;
  char tag[TAG_SIZE];
  struct curl_slist nodes[LINES + 2];
  char lines[LINES][LINE_SIZE];
  char url[LINE_SIZE];
  char error_text[CURL_ERROR_SIZE];
} exchange;

_Noreturn void limit_die(const char *what);

/* Ends the program when the memory is short. */
void bytes_append(bytes *to, const char *data, size_t length);

void limit_open(limit *l);

exchange *exchange_new(limit *l);
void exchange_free(exchange *e);

/* Sets a handle for the next request; the referral 0 is the example, any other a numbered one. */
void exchange_read(limit *l, exchange *e, size_t referral);
void exchange_write(limit *l, exchange *e, size_t referral, size_t number);

/* Takes the entity tag out of the answer; ends the program unless it was a complete 200. */
void exchange_finish(exchange *e, CURLcode code);

#endif
