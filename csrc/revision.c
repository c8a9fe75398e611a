#include "revision.h"

#include "header_lines.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 256 * 1024 * 1024 }; /* bytes of a referral, of its change and of its plan */

revision *revision_new(void) {
  revision *r = calloc(1, sizeof *r);
  if (r == NULL) {
    return NULL;
  }
  buffer_init(&r->id, LIMIT);
  buffer_init(&r->change, LIMIT);
  buffer_init(&r->url, LIMIT);
  buffer_init(&r->lines, LIMIT);
  buffer_init(&r->text, LIMIT);
  buffer_init(&r->plan, LIMIT);
  document_work_init(&r->work, LIMIT);
  return r;
}

void revision_free(revision *r) {
  if (r == NULL) {
    return;
  }
  buffer_free(&r->id);
  buffer_free(&r->change);
  buffer_free(&r->url);
  buffer_wipe(&r->lines);
  buffer_free(&r->text);
  buffer_free(&r->plan);
  document_work_free(&r->work);
  document_reading_free(&r->reading);
  plan_rules_release(r->rules);
  client_pause_release(r->pause);
  free(r);
}

/* Mostly it holds the same ones as before. */
static void share(revision *r, const plan_rules *rules, client_pause *pause) {
  if (r->rules != rules) {
    plan_rules_release(r->rules);
    r->rules = plan_rules_hold(rules);
  }
  if (r->pause != pause) {
    client_pause_release(r->pause);
    r->pause = client_pause_hold(pause);
  }
}

bool revision_begin(revision *r, json_slice id, json_slice change, const plan_rules *rules,
                    client_pause *pause) {
  share(r, rules, pause);
  r->stage = REVISION_ASKED;
  buffer_clear(&r->id);
  buffer_clear(&r->change);
  buffer_clear(&r->url);
  buffer_clear(&r->lines);
  return buffer_append(&r->id, id.at, id.length) && buffer_append(&r->change, change.at, change.length);
}

bool revision_set_request(revision *r, const http_request *request) {
  r->request = *request;
  return buffer_append(&r->url, request->url, request->url_length) && buffer_append_byte(&r->url, '\0') &&
         !r->lines.failed;
}

void revision_add_line(void *of, const char *start, const char *value, size_t length) {
  revision *r = of;
  header_lines_add(&r->lines, start, value, length);
}

/* ---- the answer ---- */

bool revision_is_good(const http_result *result) {
  return result != NULL && result->outcome == HTTP_DONE && result->status >= 200 && result->status < 300 &&
         result->status != 204;
}

bool revision_is_about(const document *d, json_slice id) {
  const json_member *member = document_find(d, "id", 2);
  return member != NULL && *member->value.at == '"' && json_string_is(member->value, id.at, id.length);
}

static bool find_tag(revision *r) {
  const json_member *member = document_find(&r->held, "eTag", 4);
  if (member == NULL || *member->value.at != '"' || !json_is_scalar(member->value)) {
    return false;
  }
  buffer_clear(&r->plan); /* which is not made yet */
  return json_unescape(member->value, &r->plan) && r->plan.length > 0 &&
         etag_normalise(r->plan.data, r->plan.length, &r->tag) == ETAG_OK;
}

static void swap(buffer *a, buffer *b) {
  buffer before = *a;
  *a = *b;
  *b = before;
}

/* Takes the answer's text over and reads it; when it is of no use the text goes back. */
static bool hold(revision *r, http_exchange *exchange) {
  json_fault fault = {0, NULL};
  const http_result *result = http_exchange_result(exchange);
  if (!revision_is_good(result) || result->body_length == 0) {
    return false;
  }
  buffer *answer = http_exchange_answer(exchange);
  swap(answer, &r->text);
  json_slice text = {r->text.data, r->text.length};
  if (document_read(&r->reading, text, (document_earlier){.known = NULL}, &r->held, &fault) &&
      revision_is_about(&r->held, (json_slice){r->id.data, r->id.length}) && find_tag(r)) {
    return true;
  }
  swap(answer, &r->text);
  return false;
}

/* ---- what follows ---- */

static bool make_plan(revision *r) {
  json_slice change = {r->change.data, r->change.length};
  return !client_pause_lasts(r->pause) && plan_make(&r->work, &r->held, change, r->rules, &r->plan) != NULL;
}

static bool follow(void *of, http_session *session, http_exchange *exchange) {
  revision *r = of;
  if (!hold(r, exchange)) {
    client_pause_note(r->pause, http_exchange_result(exchange)->status);
    return false;
  }
  r->stage = REVISION_READ;
  buffer *body = http_exchange_body(exchange);
  if (!make_plan(r) || !plan_write((const plan *)(const void *)r->plan.data, &r->held, body)) {
    return false;
  }
  r->stage = REVISION_WRITTEN;
  http_request request = r->request;
  request.url = r->url.data;
  request.body = body->data;
  request.body_length = body->length;
  request.timeout = http_time_for_write(r->deadline - http_now());
  header_lines_give(&r->lines, exchange);
  http_exchange_add_value(exchange, "If-Match: ", r->tag.bytes, r->tag.length);
  http_session_start(session, exchange, &request);
  return true;
}

static void forget(void *of) {
  revision_free(of);
}

const http_sequel revision_sequel = {.follow = follow, .forget = forget};

void revision_let_go(revision *r) {
  bool change = buffer_reuse(&r->change);
  bool planned = buffer_reuse(&r->plan);
  if (!buffer_reuse(&r->text) || !change || !planned) {
    document_reading_free(&r->reading);
    document_work_free(&r->work);
  }
}
