#include "lua_answer.h"

#include "etag.h"
#include "http_text.h"
#include "lua_document.h"
#include "lua_http_options.h"
#include "lua_json.h"
#include "lua_plan.h"

#include <string.h>

void rf_push_header(lua_State *L, const http_result *result, const char *name) {
  const char *value = NULL;
  size_t name_length = strlen(name);
  size_t length = 0;
  if (result->headers_length > 0 &&
      http_header_find(result->headers, result->headers_length, name, name_length, &value, &length)) {
    lua_pushlstring(L, value, length);
  } else {
    lua_pushnil(L);
  }
}

/* head() -> outcome, sent, status, request-id, message. The outcome is "ok" for a complete answer, whatever
 * its status; any other has a message. The status is nil when no final answer began. */
int rf_answer_head(lua_State *L, const http_result *result) {
  if (result == NULL) {
    return 0;
  }
  rf_push_outcome(L, result->outcome);
  lua_pushboolean(L, result->sent);
  if (result->status != 0) {
    lua_pushinteger(L, result->status);
  } else {
    lua_pushnil(L);
  }
  rf_push_header(L, result, "request-id");
  lua_pushstring(L, result->message); /* nil for NULL */
  return 5;
}

/* header(name) -> the last value of that name | nil */
int rf_answer_header(lua_State *L, const http_result *result) {
  const char *name = luaL_checkstring(L, 2);
  if (result == NULL) {
    return 0;
  }
  rf_push_header(L, result, name);
  return 1;
}

/* body() -> the answer's body | nil when it is not complete */
int rf_answer_body(lua_State *L, const http_result *result) {
  if (result == NULL || result->outcome != HTTP_DONE) {
    return 0;
  }
  lua_pushlstring(L, result->body_length > 0 ? result->body : "", result->body_length);
  return 1;
}

/* Pushes a string member of the document as it reads, or nil. */
static void push_string(lua_State *L, const document *d, const char *name, buffer *room) {
  const json_member *member = document_find(d, name, strlen(name));
  if (member != NULL && *member->value.at == '"') {
    rf_push_string(L, member->value, room);
  } else {
    lua_pushnil(L);
  }
}

/* Replaces the tag on top by its If-Match value, or by nil when it is none or unusable. */
static void normalise_tag(lua_State *L) {
  etag_value value;
  size_t length = 0;
  const char *tag = lua_tolstring(L, -1, &length);
  bool usable = tag != NULL && etag_normalise(tag, length, &value) == ETAG_OK;
  if (usable && !(value.length == length && memcmp(value.bytes, tag, length) == 0)) {
    lua_pushlstring(L, value.bytes, value.length);
    lua_replace(L, -2);
  } else if (!usable) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

bool rf_push_tags(lua_State *L, const document *d) {
  push_string(L, d, "eTag", &rf_room_of(L)->text);
  lua_pushvalue(L, -1);
  normalise_tag(L);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 2);
    return false;
  }
  return true;
}

static int push_referral(lua_State *L, const http_result *result) {
  json_slice text = {result->body_length > 0 ? result->body : "", result->body_length};
  const document *known = lua_isnoneornil(L, 2) ? NULL : rf_check_document(L, 2);
  int pushed = rf_push_written(L, text, known != NULL ? rf_plan_for(L, 3, known) : NULL, known);
  if (pushed != 1) {
    return pushed;
  }
  const document *d = rf_check_document(L, -1);
  buffer *room = &rf_room_of(L)->text;
  push_string(L, d, "id", room);
  push_string(L, d, "eTag", room);
  bool from_body = !lua_isnil(L, -1);
  if (!from_body) {
    lua_pop(L, 1);
    rf_push_header(L, result, "ETag");
  }
  lua_pushvalue(L, -1);
  normalise_tag(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  if (from_body) {
    lua_insert(L, -2);
  }
  return 5;
}

/*
 * referral(known, plan) -> document, id, If-Match value, ETag header, eTag | nil, what was expected, offset
 * from 1. `known`: a document that it may repeat, or nil; `plan`: what was made of that, or whatever else.
 * The id is nil when there is none; the If-Match value when there is no usable entity tag; the header when it
 * is not there or the body has an eTag of its own, which wins over it.
 */
int rf_answer_referral(lua_State *L, const http_result *result) {
  rf_use_room(L);
  lua_settop(L, 3);
  return result == NULL || result->outcome != HTTP_DONE ? 0 : push_referral(L, result);
}
