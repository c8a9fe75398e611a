#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem, strncasecmp */
#endif

#include "upstream_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* The values that differ from answer to answer, in the order of the example's text. */
enum { ID, UPDATED, STATUS, SUBSTATUS, NOTES, DEAL_VALUE, ETAG, SLOTS };

enum { PLACES = 1 << 17, VALUE_SIZE = 256, ID_SIZE = 64 };

typedef struct referral {
  char id[ID_SIZE];
  char values[SLOTS][VALUE_SIZE]; /* as JSON; empty: the example's */
  unsigned version;
} referral;

static const char *const names[SLOTS] = {"\"id\"",    "\"updatedDateTime\"", "\"status\"", "\"substatus\"",
                                         "\"notes\"", "\"dealValue\"",       "\"eTag\""};
static const char *const pointers[SLOTS] = {
    NULL, NULL, "\"/status\"", "\"/substatus\"", "\"/details/notes\"", "\"/details/dealValue\"", NULL};

static text pieces[SLOTS + 1];
static text originals[SLOTS];
static referral *referrals[PLACES];

static text from(text in, const char *at) {
  return (text){at, in.length - (size_t)(at - in.at)};
}

/* What stands behind a text; empty when it is not there. */
static text behind(text in, const char *wanted) {
  size_t length = strlen(wanted);
  const char *at = in.length > 0 ? memmem(in.at, in.length, wanted, length) : NULL;
  return at == NULL ? (text){NULL, 0} : from(in, at + length);
}

/* The string, number or word behind a colon. */
static text value_in(text in) {
  size_t start = 0;
  while (start < in.length && strchr(": \t\r\n", in.at[start]) != NULL) {
    start++;
  }
  size_t end = start;
  if (end < in.length && in.at[end] == '"') {
    for (end++; end < in.length && in.at[end] != '"'; end++) {
      end += in.at[end] == '\\' ? 1 : 0;
    }
    end++;
  } else {
    while (end < in.length && strchr(",}] \t\r\n", in.at[end]) == NULL) {
      end++;
    }
  }
  return end <= in.length ? (text){in.at + start, end - start} : (text){NULL, 0};
}

bool text_open(text example) {
  text rest = example;
  for (int slot = 0; slot < SLOTS; slot++) {
    text value = value_in(behind(rest, names[slot]));
    if (value.length == 0) {
      return false;
    }
    originals[slot] = value;
    pieces[slot] = (text){rest.at, (size_t)(value.at - rest.at)};
    rest = from(rest, value.at + value.length);
  }
  pieces[SLOTS] = rest;
  return true;
}

/* ---- the referrals ---- */

static referral *find(text id) {
  size_t place = 5381;
  for (size_t i = 0; i < id.length; i++) {
    place = place * 33 + (unsigned char)id.at[i];
  }
  for (place %= PLACES; referrals[place] != NULL; place = (place + 1) % PLACES) {
    if (strlen(referrals[place]->id) == id.length && memcmp(referrals[place]->id, id.at, id.length) == 0) {
      return referrals[place];
    }
  }
  referral *fresh = calloc(1, sizeof *fresh);
  if (fresh == NULL || id.length >= ID_SIZE) {
    abort();
  }
  memcpy(fresh->id, id.at, id.length);
  snprintf(fresh->values[ID], VALUE_SIZE, "\"%s\"", fresh->id);
  referrals[place] = fresh;
  return fresh;
}

static void keep(char *value, text sent) {
  if (sent.length > 0 && sent.length < VALUE_SIZE) {
    memcpy(value, sent.at, sent.length);
    value[sent.length] = '\0';
  }
}

/* The members of the example that the benchmarks write. The notes are those of the details. */
static void apply(referral *r, text body, bool is_patch) {
  for (int slot = STATUS; slot <= DEAL_VALUE; slot++) {
    text place = is_patch ? behind(behind(body, pointers[slot]), "\"value\"")
                          : behind(slot == NOTES ? behind(body, "\"details\"") : body, names[slot]);
    keep(r->values[slot], value_in(place));
  }
  r->version++;
  snprintf(r->values[ETAG], VALUE_SIZE, "\"\\\"2500ec5a-0000-0000-0000-%012u\\\"\"", r->version);
  snprintf(r->values[UPDATED], VALUE_SIZE, "\"2018-11-06T18:43:38.%07uZ\"", r->version % 10000000);
}

/* ---- answers ---- */

text text_header(text head, const char *name) {
  size_t length = strlen(name);
  for (text rest = behind(head, "\r\n"); rest.length > length; rest = behind(rest, "\r\n")) {
    if (strncasecmp(rest.at, name, length) == 0 && rest.at[length] == ':') {
      text value = from(rest, rest.at + length + 1);
      const char *end = memmem(value.at, value.length, "\r\n", 2);
      value.length = end != NULL ? (size_t)(end - value.at) : value.length;
      while (value.length > 0 && *value.at == ' ') {
        value = from(value, value.at + 1);
      }
      return value;
    }
  }
  return (text){"", 0};
}

static text id_in(text head) {
  text path = behind(head, " ");
  const char *end = path.length > 0 ? memchr(path.at, ' ', path.length) : NULL;
  const char *start = end;
  while (start != NULL && start > path.at && start[-1] != '/') {
    start--;
  }
  return start == NULL ? (text){"", 0} : (text){start, (size_t)(end - start)};
}

static size_t put(char *out, size_t length, text piece) {
  memcpy(out + length, piece.at, piece.length);
  return length + piece.length;
}

static size_t write_body(const referral *r, char *out) {
  size_t length = 0;
  for (int slot = 0; slot < SLOTS; slot++) {
    const char *value = r->values[slot];
    length = put(out, length, pieces[slot]);
    length = put(out, length, *value != '\0' ? (text){value, strlen(value)} : originals[slot]);
  }
  return put(out, length, pieces[SLOTS]);
}

static const char *date(void) {
  static char line[64];
  static time_t when;
  time_t now = time(NULL);
  if (now != when) {
    struct tm parts;
    when = now;
    strftime(line, sizeof line, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
  }
  return line;
}

/* The entity tag inside the JSON string, its own quotes escaped. */
static text tag_of(const referral *r) {
  const char *value = r->values[ETAG];
  text json = *value != '\0' ? (text){value, strlen(value)} : originals[ETAG];
  return (text){json.at + 3, json.length - 6};
}

size_t text_answer(text head, text body, char *out) {
  static char answer[TEXT_ANSWER / 2];
  static unsigned number;
  referral *r = find(id_in(head));
  if (head.length > 4 && memcmp(head.at, "GET ", 4) != 0) {
    apply(r, body, memcmp(head.at, "PATCH", 5) == 0);
  }
  size_t length = write_body(r, answer);
  text tag = tag_of(r);
  text client = text_header(head, "client-request-id");
  int start =
      snprintf(out, TEXT_ANSWER / 2,
               "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json; charset=utf-8\r\n"
               "Content-Length: %zu\r\nETag: \"%.*s\"\r\nrequest-id: 7d23e5ca-19dc-4eaa-aac8-%012u\r\n"
               "client-request-id: %.*s\r\n\r\n",
               date(), length, (int)tag.length, tag.at, ++number, (int)client.length, client.at);
  return put(out, (size_t)start, (text){answer, length});
}
