/* core.http.template: what is the same for all requests of one client, prepared once. */
#include "lua_template.h"

#include "lua_anchor.h"
#include "lua_document.h"
#include "lua_http_options.h"
#include "lua_json.h"
#include "lua_plan.h"

#include <string.h>

typedef struct rf_template {
  buffer url; /* the endpoint, then the path of the request that is being read */
  size_t endpoint_length;
  double connect_timeout; /* seconds */
  size_t max_body;        /* bytes */
  uuid_pool ids;
  client_pause *pause; /* held */
} rf_template;

static int template_gc(lua_State *L) {
  rf_template *t = lua_touserdata(L, 1);
  buffer_free(&t->url);
  process_mark_free(&t->ids.process);
  client_pause_release(t->pause);
  t->pause = NULL;
  return 0;
}

/* template(endpoint, connect timeout in seconds, most bytes of an answer's body) */
static int template_new(lua_State *L) {
  size_t length = 0;
  const char *endpoint = luaL_checklstring(L, 1, &length);
  double connect_timeout = (double)luaL_checknumber(L, 2);
  double max_body = (double)luaL_checknumber(L, 3);
  rf_template *t = rf_newuserdata(L, sizeof *t);
  memset(t, 0, sizeof *t);
  buffer_init(&t->url, RF_LONGEST_URL);
  luaL_getmetatable(L, RF_TEMPLATE);
  lua_setmetatable(L, -2);
  process_mark_init(&t->ids.process);
  t->endpoint_length = length;
  t->connect_timeout = connect_timeout;
  t->max_body = (size_t)max_body;
  t->pause = client_pause_new();
  if (t->pause == NULL || !buffer_append(&t->url, endpoint, length)) {
    return luaL_error(L, "not enough memory for a client");
  }
  return 1;
}

/* The text in a field, or NULL where it is nil; the table holds it. */
static const char *text_field(lua_State *L, int table, const char *name, size_t *length) {
  lua_getfield(L, table, name);
  const char *text = NULL;
  if (lua_type(L, -1) == LUA_TSTRING) {
    text = lua_tolstring(L, -1, length);
  } else if (!lua_isnil(L, -1)) {
    luaL_error(L, "field '%s': expected a string, got %s", name, luaL_typename(L, -1));
  }
  lua_pop(L, 1);
  return text;
}

static void add_value(const rf_request_sink *sink, const char *start, json_slice value) {
  if (value.at != NULL) {
    sink->add(sink->target, start, value.at, value.length);
  }
}

/* The lines that every request has, and those that this one has. */
static void add_lines(const rf_request_parts *parts, json_slice token, json_slice id,
                      const rf_request_sink *sink) {
  static const json_slice json = {"application/json", 16};
  add_value(sink, "Accept: ", json);
  add_value(sink, "Authorization: Bearer ", token);
  add_value(sink, "client-request-id: ", id);
  if (parts->has_body) {
    add_value(sink, "Content-Type: ", json);
  }
  add_value(sink, "If-Match: ", parts->if_match);
  add_value(sink, "Prefer: ", parts->prefer);
}

static void set_url(lua_State *L, rf_template *t, const rf_request_parts *parts, http_request *request) {
  buffer *url = &t->url;
  url->length = t->endpoint_length;
  if (!buffer_append(url, parts->path.at, parts->path.length) ||
      !buffer_append(url, parts->id.at, parts->id.length) || !buffer_append_byte(url, '\0')) {
    luaL_error(L, "the path is too long, or there is no memory for it");
  }
  request->url = url->data;
  request->url_length = url->length - 1;
}

/* One that Lua finalised already may still be met by the application's own finalisers. */
static rf_template *check_template(lua_State *L, int index) {
  rf_template *t = rf_check_type(L, index, RF_TEMPLATE_TYPE, RF_TEMPLATE);
  luaL_argcheck(L, t->pause != NULL, index, "the client is gone");
  return t;
}

void rf_draw_id(lua_State *L, int index, char id[UUID_TEXT_SIZE]) {
  if (!uuid_next(&check_template(L, index)->ids, id)) {
    luaL_error(L, "the system gives no random bytes");
  }
}

void rf_push_id(lua_State *L, int index, char id[UUID_TEXT_SIZE]) {
  rf_draw_id(L, index, id);
  lua_pushlstring(L, id, UUID_TEXT_SIZE - 1);
}

void rf_compose(lua_State *L, int index, const rf_request_parts *parts, http_request *request,
                const rf_request_sink *sink, const char id[UUID_TEXT_SIZE]) {
  rf_template *t = check_template(L, index);
  *request = (http_request){.method = parts->method,
                            .body = request->body,
                            .body_length = request->body_length,
                            .timeout = (double)luaL_checknumber(L, index + 2),
                            .connect_timeout = t->connect_timeout,
                            .max_body = t->max_body,
                            .max_header = RF_MAX_HEADER};
  set_url(L, t, parts, request);
  add_lines(parts, rf_check_text(L, index + 1), (json_slice){id, UUID_TEXT_SIZE - 1}, sink);
}

/* A string, or a plan and in `known` the document that it is for. */
static void read_body(lua_State *L, int table, http_request *request, buffer *room) {
  lua_getfield(L, table, "body");
  if (lua_type(L, -1) == LUA_TUSERDATA && room != NULL) {
    lua_getfield(L, table, "known");
    rf_plan_body(L, lua_gettop(L) - 1, lua_gettop(L), room);
    request->body = room->data;
    request->body_length = room->length;
    lua_pop(L, 1);
  } else if (lua_type(L, -1) == LUA_TSTRING) {
    request->body = lua_tolstring(L, -1, &request->body_length);
  } else if (!lua_isnil(L, -1)) {
    luaL_error(L, "field 'body': expected a string or a plan, got %s", luaL_typename(L, -1));
  }
  lua_pop(L, 1);
}

static json_slice field(lua_State *L, int table, const char *name) {
  json_slice text = {NULL, 0};
  text.at = text_field(L, table, name, &text.length);
  return text;
}

static rf_request_parts read_parts(lua_State *L, int table) {
  rf_request_parts parts = {.path = field(L, table, "path"),
                            .if_match = field(L, table, "if_match"),
                            .prefer = field(L, table, "prefer")};
  lua_getfield(L, table, "body");
  parts.has_body = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return parts;
}

void rf_read_templated(lua_State *L, int index, http_request *request, const rf_request_sink *sink,
                       const char id[UUID_TEXT_SIZE]) {
  luaL_checktype(L, index, LUA_TTABLE);
  rf_request_parts parts = read_parts(L, index);
  size_t length = 0;
  parts.method = rf_method(L, index, text_field(L, index, "method", &length));
  luaL_argcheck(L, parts.path.at != NULL && strlen(parts.path.at) == parts.path.length, index,
                "field 'path': expected a string without NUL");
  *request = (http_request){.body = NULL};
  read_body(L, index, request, sink->body);
  rf_compose(L, index + 1, &parts, request, sink, id);
}

client_pause *rf_pause_of(lua_State *L, int index) {
  return check_template(L, index)->pause;
}

/* pause(template, until): until then, by now(), nothing is sent that follows by itself */
static int template_pause(lua_State *L) {
  const rf_template *t = luaL_checkudata(L, 1, RF_TEMPLATE);
  luaL_argcheck(L, t->pause != NULL, 1, "the client is gone");
  client_pause_set(t->pause, (double)luaL_checknumber(L, 2));
  return 0;
}

typedef struct line_list {
  lua_State *L;
  int table;
  int count;
} line_list;

static void to_list(void *target, const char *start, const char *value, size_t length) {
  line_list *list = target;
  lua_pushstring(list->L, start);
  lua_pushlstring(list->L, value, length);
  lua_concat(list->L, 2);
  lua_rawseti(list->L, list->table, ++list->count);
}

/* lines(request, token, client-request-id) -> the request's header lines as they go out */
static int template_lines(lua_State *L) {
  lua_settop(L, 3);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_newtable(L);
  line_list list = {L, 4, 0};
  const rf_request_sink sink = {.target = &list, .add = to_list};
  rf_request_parts parts = read_parts(L, 1);
  add_lines(&parts, rf_check_text(L, 2), rf_check_text(L, 3), &sink);
  return 1;
}

void rf_open_template(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"template", template_new}, {"lines", template_lines}, {"pause", template_pause}, {NULL, NULL}};
  rf_register(L, functions);
  rf_make_type(L, RF_TEMPLATE, template_gc);
}
