/*
 * The limit: what is left when there is no Lua and no referral, only libcurl moving the same bytes. C that
 * sends the requests of csrc/http.c with the same options and has the same duties: a multi handle, every
 * header, a new client-request-id each time, the answer's headers and body kept, the PREREQ callback, both
 * deadlines.
 *
 *   limit ENDPOINT TOKEN BODY OTHER_BODY COUNT [option ...]
 *
 * Makes COUNT updates, whose bodies are the two files' by turns, and prints the seconds that they took.
 * Options: get              a GET before each write, whose entity tag it goes under; else that of the last
 * answer method=PATCH     instead of PUT easy             curl_easy_perform() instead of the multi handle
 *   bare             the least: an easy handle, three headers, nothing kept but the body
 *   at-once=N        so many side by side; each update is another referral's
 *   ca=FILE http2 agent=NAME   as the client's options
 *   warm=N           so many updates before the clock starts
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime */
#endif

#include "clock.h"
#include "limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void limit_die(const char *what) {
  fprintf(stderr, "limit: %s\n", what);
  exit(1);
}

static bytes read_file(const char *path) {
  bytes read = {0};
  char piece[4096];
  size_t got;
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    limit_die(path);
  }
  while ((got = fread(piece, 1, sizeof piece, file)) > 0) {
    bytes_append(&read, piece, got);
  }
  fclose(file);
  return read;
}

static const char *value_of(const char *option, const char *name) {
  size_t length = strlen(name);
  return strncmp(option, name, length) == 0 ? option + length : NULL;
}

static void read_option(limit *l, const char *option) {
  const char *value;
  if (strcmp(option, "get") == 0) {
    l->get = true;
  } else if (strcmp(option, "easy") == 0) {
    l->easy = true;
  } else if (strcmp(option, "bare") == 0) {
    l->bare = true;
  } else if (strcmp(option, "http2") == 0) {
    l->http2 = true;
  } else if ((value = value_of(option, "method=")) != NULL) {
    l->method = value;
  } else if ((value = value_of(option, "at-once=")) != NULL) {
    l->at_once = strtoul(value, NULL, 10);
  } else if ((value = value_of(option, "ca=")) != NULL) {
    l->ca_file = value;
  } else if ((value = value_of(option, "agent=")) != NULL) {
    l->user_agent = value;
  } else if ((value = value_of(option, "warm=")) != NULL) {
    l->warm = strtoul(value, NULL, 10);
  } else {
    limit_die(option);
  }
}

/* ---- one after the other ---- */

static void perform(limit *l, exchange *e) {
  if (l->easy) {
    exchange_finish(e, curl_easy_perform(e->handle));
    return;
  }
  int running = 1;
  int left;
  CURLMsg *message;
  curl_multi_add_handle(l->multi, e->handle);
  for (;;) {
    if (curl_multi_perform(l->multi, &running) != CURLM_OK) {
      limit_die("curl_multi_perform");
    }
    message = curl_multi_info_read(l->multi, &left);
    if (message != NULL) {
      break;
    }
    curl_multi_poll(l->multi, NULL, 0, 60000, NULL);
  }
  CURLcode code = message->data.result;
  curl_multi_remove_handle(l->multi, e->handle);
  exchange_finish(e, code);
}

static double run_one_by_one(limit *l, exchange *e) {
  double began = clock_now();
  exchange_read(l, e, 0); /* an entity tag to begin with */
  perform(l, e);
  for (size_t number = 0; number < l->warm + l->count; number++) {
    began = number == l->warm ? clock_now() : began;
    if (l->get) {
      exchange_read(l, e, 0);
      perform(l, e);
    }
    exchange_write(l, e, 0, number);
    perform(l, e);
  }
  return clock_now() - began;
}

/* ---- side by side ---- */

/* The next request of a place: the write of what it has read, or else the next referral. */
static void begin(limit *l, exchange *e) {
  if (l->get && e->was_read) {
    exchange_write(l, e, e->referral, e->referral);
  } else if (l->started == l->last) {
    return;
  } else if (l->get) {
    exchange_read(l, e, ++l->started);
  } else {
    l->started++;
    exchange_write(l, e, l->started, l->started);
  }
  curl_multi_add_handle(l->multi, e->handle);
  l->under_way++;
}

/* False when nothing was done. */
static bool collect(limit *l) {
  int left;
  bool any = false;
  CURLMsg *message;
  while ((message = curl_multi_info_read(l->multi, &left)) != NULL) {
    char *user = NULL;
    CURL *handle = message->easy_handle;
    CURLcode code = message->data.result;
    curl_easy_getinfo(handle, CURLINFO_PRIVATE, &user);
    exchange *e = (exchange *)(void *)user;
    curl_multi_remove_handle(l->multi, handle);
    l->under_way--;
    exchange_finish(e, code);
    begin(l, e);
    any = true;
  }
  return any;
}

/* The next so many referrals. */
static double run_batch(limit *l, exchange **all, size_t count) {
  double began = clock_now();
  l->last = l->started + count;
  for (size_t i = 0; i < l->at_once; i++) {
    begin(l, all[i]);
  }
  while (l->under_way > 0) {
    int running;
    if (curl_multi_perform(l->multi, &running) != CURLM_OK) {
      limit_die("curl_multi_perform");
    }
    if (!collect(l)) {
      curl_multi_poll(l->multi, NULL, 0, 60000, NULL);
    }
  }
  return clock_now() - began;
}

static double run_at_once(limit *l) {
  exchange **all = calloc(l->at_once, sizeof *all);
  if (all == NULL) {
    limit_die("no memory");
  }
  for (size_t i = 0; i < l->at_once; i++) {
    all[i] = exchange_new(l);
  }
  run_batch(l, all, l->warm);
  double took = run_batch(l, all, l->count);
  for (size_t i = 0; i < l->at_once; i++) {
    exchange_free(all[i]);
  }
  free(all);
  return took;
}

int main(int argc, char **argv) {
  if (argc < 6) {
    limit_die("usage: limit ENDPOINT TOKEN BODY OTHER_BODY COUNT [option ...]");
  }
  limit l = {.endpoint = argv[1], .token = argv[2], .method = "PUT", .count = strtoul(argv[5], NULL, 10)};
  l.bodies[0] = read_file(argv[3]);
  l.bodies[1] = read_file(argv[4]);
  for (int i = 6; i < argc; i++) {
    read_option(&l, argv[i]);
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  limit_open(&l);
  if (l.at_once > 0) {
    printf("%.6f\n", run_at_once(&l));
  } else {
    exchange *e = exchange_new(&l);
    printf("%.6f\n", run_one_by_one(&l, e));
    exchange_free(e);
  }
  curl_multi_cleanup(l.multi);
  free(l.bodies[0].data);
  free(l.bodies[1].data);
  return 0;
}
