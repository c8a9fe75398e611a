/* The option tables of core.http: every field checked, an unknown one refused by name. */
#include "lua_http_options.h"

#include <stdint.h>
#include <string.h>

enum { DEFAULT_TIMEOUT = 60, DEFAULT_CONNECT_TIMEOUT = 10, DEFAULT_MAX_BODY = 8 << 20 };

/* ---- the fields of an option table; the value is at the top of the stack, the table at `table` ---- */

static int field_error(lua_State *L, int table, const char *name, const char *expected) {
  return luaL_argerror(
      L, table, lua_pushfstring(L, "field '%s': expected %s, got %s", name, expected, luaL_typename(L, -1)));
}

/* Stays valid while the table holds it. A NUL in it would cut it short for libcurl. */
static const char *text_field(lua_State *L, int table, const char *name, size_t *length) {
  if (lua_type(L, -1) != LUA_TSTRING) {
    field_error(L, table, name, "a string");
  }
  const char *text = lua_tolstring(L, -1, length);
  if (strlen(text) != *length) {
    luaL_argerror(L, table, lua_pushfstring(L, "field '%s': a NUL byte in it", name));
  }
  return text;
}

static double number_field(lua_State *L, int table, const char *name) {
  if (lua_type(L, -1) != LUA_TNUMBER) {
    field_error(L, table, name, "a number");
  }
  return (double)lua_tonumber(L, -1);
}

/* A number of bytes or of things, 0 and up; what is beyond any memory is cut down to that. */
static size_t size_field(lua_State *L, int table, const char *name) {
  static const double largest = (double)(SIZE_MAX / 4);
  double value = number_field(L, table, name);
  if (!(value >= 0)) {
    luaL_argerror(L, table, lua_pushfstring(L, "field '%s': expected 0 or more", name));
  }
  return value < largest ? (size_t)value : (size_t)largest;
}

/* The key that lua_next() left under the value. */
static const char *field_name(lua_State *L, int table) {
  if (lua_type(L, -2) != LUA_TSTRING) {
    luaL_argerror(L, table, "a key that is not a string");
  }
  return lua_tostring(L, -2);
}

static int unknown_field(lua_State *L, int table, const char *name) {
  return luaL_argerror(L, table, lua_pushfstring(L, "unknown field '%s'", name));
}

/* ---- the tables ---- */

static void read_session_field(lua_State *L, http_session_options *options) {
  const char *name = field_name(L, 1);
  size_t length;
  if (strcmp(name, "ca_file") == 0) {
    options->ca_file = text_field(L, 1, name, &length);
  } else if (strcmp(name, "ca_path") == 0) {
    options->ca_path = text_field(L, 1, name, &length);
  } else if (strcmp(name, "proxy") == 0) {
    options->proxy = text_field(L, 1, name, &length);
  } else if (strcmp(name, "user_agent") == 0) {
    options->user_agent = text_field(L, 1, name, &length);
    if (strpbrk(options->user_agent, "\r\n") != NULL) {
      luaL_argerror(L, 1, "field 'user_agent': CR or LF in it");
    }
  } else if (strcmp(name, "http_version") == 0) {
    options->http_version = text_field(L, 1, name, &length);
    if (strcmp(options->http_version, "1.1") != 0 && strcmp(options->http_version, "2") != 0) {
      luaL_argerror(L, 1, "field 'http_version': expected \"1.1\" or \"2\"");
    }
  } else if (strcmp(name, "max_connections") == 0) {
    size_t most = size_field(L, 1, name);
    options->max_connections = most < INT32_MAX ? (long)most : INT32_MAX;
  } else {
    unknown_field(L, 1, name);
  }
}

void rf_read_session_options(lua_State *L, http_session_options *options) {
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
    read_session_field(L, options);
  }
}

http_method rf_method(lua_State *L, int table, const char *name) {
  static const char *const names[] = {"GET", "POST", "PUT", "PATCH"};
  for (int i = 0; i < 4; i++) {
    if (name != NULL && strcmp(name, names[i]) == 0) {
      return (http_method)i;
    }
  }
  luaL_argerror(L, table, "field 'method': expected GET, POST, PUT or PATCH");
  return HTTP_GET;
}

static void add_headers(lua_State *L, int table, rf_header_sink sink, void *target) {
  if (!lua_istable(L, -1)) {
    field_error(L, table, "headers", "a list of \"Name: value\" strings");
  }
  int headers = lua_gettop(L);
  for (int i = 1;; i++) {
    lua_rawgeti(L, headers, i);
    if (lua_isnil(L, -1)) {
      break;
    }
    if (lua_type(L, -1) != LUA_TSTRING) {
      field_error(L, table, "headers", "a list of \"Name: value\" strings");
    }
    size_t length;
    const char *line = lua_tolstring(L, -1, &length);
    sink(target, line, length);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static void read_request_field(lua_State *L, http_request *request, rf_header_sink sink, void *target) {
  const char *name = field_name(L, 2);
  if (strcmp(name, "method") == 0) {
    size_t length;
    request->method = rf_method(L, 2, text_field(L, 2, name, &length));
  } else if (strcmp(name, "url") == 0) {
    request->url = text_field(L, 2, name, &request->url_length);
  } else if (strcmp(name, "headers") == 0) {
    add_headers(L, 2, sink, target);
  } else if (strcmp(name, "body") == 0) {
    if (lua_type(L, -1) != LUA_TSTRING) {
      field_error(L, 2, name, "a string");
    }
    request->body = lua_tolstring(L, -1, &request->body_length);
  } else if (strcmp(name, "timeout") == 0) {
    request->timeout = number_field(L, 2, name);
  } else if (strcmp(name, "connect_timeout") == 0) {
    request->connect_timeout = number_field(L, 2, name);
  } else if (strcmp(name, "max_body") == 0) {
    request->max_body = size_field(L, 2, name);
  } else if (strcmp(name, "max_header") == 0) {
    request->max_header = size_field(L, 2, name);
  } else {
    unknown_field(L, 2, name);
  }
}

void rf_read_request(lua_State *L, http_request *request, rf_header_sink sink, void *target) {
  *request = (http_request){.timeout = DEFAULT_TIMEOUT,
                            .connect_timeout = DEFAULT_CONNECT_TIMEOUT,
                            .max_body = DEFAULT_MAX_BODY,
                            .max_header = RF_MAX_HEADER};
  for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
    read_request_field(L, request, sink, target);
  }
  luaL_argcheck(L, request->url != NULL, 2, "field 'url': expected a string, got nil");
}

/* ---- results ---- */

void rf_push_outcome(lua_State *L, http_outcome outcome) {
  static const char *const names[] = {
      [HTTP_DONE] = "ok",
      [HTTP_INVALID] = "invalid",
      [HTTP_CANCELLED] = "cancelled",
      [HTTP_TIMEOUT] = "timeout",
      [HTTP_NAME_LOOKUP] = "name_lookup",
      [HTTP_NETWORK] = "network",
      [HTTP_TLS] = "tls",
      [HTTP_UNTRUSTED] = "untrusted",
      [HTTP_PROTOCOL] = "protocol",
      [HTTP_BODY_TOO_LARGE] = "body_too_large",
      [HTTP_HEADER_TOO_LARGE] = "header_too_large",
      [HTTP_RESEND_REFUSED] = "resend_refused",
      [HTTP_MEMORY] = "memory",
  };
  lua_pushstring(L, names[outcome]);
}

int rf_push_result(lua_State *L, const http_result *result) {
  rf_push_outcome(L, result->outcome);
  lua_pushboolean(L, result->sent);
  if (result->status != 0) {
    lua_pushinteger(L, result->status);
    lua_pushlstring(L, result->headers, result->headers_length);
  } else {
    lua_pushnil(L);
    lua_pushnil(L);
  }
  if (result->outcome == HTTP_DONE) {
    lua_pushlstring(L, result->body_length > 0 ? result->body : "", result->body_length);
  } else {
    lua_pushnil(L);
  }
  lua_pushstring(L, result->message); /* nil for NULL */
  return 6;
}
