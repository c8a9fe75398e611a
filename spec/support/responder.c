#define _GNU_SOURCE /* strcasestr */
#include "responder.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_int requests;
static atomic_int answers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int releases;

/* A whole request as text; false at the end of the connection. */
static bool read_request(int socket, char *text, size_t size) {
  size_t length = 0;
  while (length < size - 1) {
    ssize_t got = recv(socket, text + length, size - 1 - length, 0);
    if (got <= 0) {
      return false;
    }
    length += (size_t)got;
    text[length] = '\0';
    const char *end = strstr(text, "\r\n\r\n");
    const char *announced = strcasestr(text, "\r\nContent-Length:");
    size_t body = announced == NULL ? 0 : (size_t)atoi(announced + 17);
    if (end != NULL && (size_t)(end + 4 - text) + body <= length) {
      return true;
    }
  }
  return false;
}

static void wait_for_release(int seen) {
  pthread_mutex_lock(&lock);
  while (releases == seen) {
    pthread_cond_wait(&changed, &lock);
  }
  pthread_mutex_unlock(&lock);
}

static int releases_so_far(void) {
  pthread_mutex_lock(&lock);
  int seen = releases;
  pthread_mutex_unlock(&lock);
  return seen;
}

static void *serve(void *argument) {
  int socket = (int)(intptr_t)argument;
  char text[4096];
  char answer[512];
  char path[128];
  while (read_request(socket, text, sizeof text) && sscanf(text, "%*s %127s", path) == 1) {
    int seen = releases_so_far();
    atomic_fetch_add(&requests, 1);
    if (strncmp(path, "/late", 5) == 0) {
      wait_for_release(seen);
    }
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(path), path);
    if (send(socket, answer, (size_t)length, MSG_NOSIGNAL) == length) {
      atomic_fetch_add(&answers, 1);
    }
  }
  close(socket);
  return NULL;
}

static void start_thread(void *(*run)(void *), int argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, run, (void *)(intptr_t)argument) != 0) {
    abort();
  }
  pthread_detach(thread);
}

static void *accept_all(void *argument) {
  int listener = (int)(intptr_t)argument;
  int socket;
  while ((socket = accept(listener, NULL, NULL)) >= 0) {
    start_thread(serve, socket);
  }
  return NULL;
}

int responder_start(void) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof name;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&name, length) != 0 || listen(listener, 512) != 0 ||
      getsockname(listener, (struct sockaddr *)&name, &length) != 0) {
    abort();
  }
  start_thread(accept_all, listener);
  return ntohs(name.sin_port);
}

int responder_requests(void) {
  return atomic_load(&requests);
}

int responder_answers(void) {
  return atomic_load(&answers);
}

void responder_release(void) {
  pthread_mutex_lock(&lock);
  releases++;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}
