/* core.transition: the status table and its check for Lua. */
#include "lua_core.h"
#include "lua_document.h"
#include "lua_json.h"
#include "transition.h"

#include <string.h>

static transition_value check_value(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TSTRING);
  transition_value value;
  value.text = lua_tolstring(L, index, &value.length);
  return value;
}

static transition_value opt_value(lua_State *L, int index) {
  return lua_isnoneornil(L, index) ? (transition_value){NULL, 0} : check_value(L, index);
}

static void push_value(lua_State *L, transition_value value) {
  if (value.text == NULL) {
    lua_pushliteral(L, "nothing");
  } else {
    lua_pushlstring(L, value.text, value.length);
  }
}

static void push_list(lua_State *L, const char *const *list) {
  lua_newtable(L);
  for (int i = 0; list[i] != NULL; i++) {
    lua_pushstring(L, list[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* "A", or "A, B, C" */
static void push_joined(lua_State *L, const char *const *list) {
  luaL_Buffer joined;
  luaL_buffinit(L, &joined);
  for (size_t i = 0; list[i] != NULL; i++) {
    luaL_addstring(&joined, i > 0 ? ", " : "");
    luaL_addstring(&joined, list[i]);
  }
  luaL_pushresult(&joined);
}

/* "status cannot go from Closed to New" */
static void push_bad_status(lua_State *L, const transition_result *result) {
  lua_pushliteral(L, "status cannot go from ");
  push_value(L, result->from);
  lua_pushliteral(L, " to ");
  push_value(L, result->to);
  lua_concat(L, 4);
}

/* "substatus Pending does not belong to status Closed", or, under a status without a row, "... is not known"
 */
static void push_bad_substatus(lua_State *L, const transition_result *result) {
  lua_pushliteral(L, "substatus ");
  push_value(L, result->to);
  if (result->row != NULL) {
    lua_pushfstring(L, " does not belong to status %s", result->row->status);
  } else {
    lua_pushliteral(L, " is not known");
  }
  lua_concat(L, 3);
}

/* One line: what is refused, then what is allowed. */
static void push_message(lua_State *L, const transition_result *result) {
  bool about_status = result->verdict == TRANSITION_BAD_STATUS;
  bool one = result->allowed[1] == NULL;
  if (about_status) {
    push_bad_status(L, result);
  } else {
    push_bad_substatus(L, result);
  }
  lua_pushliteral(L, ": ");
  if (about_status && result->row != NULL) {
    lua_pushfstring(L, "from %s ", result->row->status);
  } else {
    lua_pushliteral(L, "");
  }
  lua_pushstring(L, one ? "only " : "allowed are ");
  push_joined(L, result->allowed);
  lua_pushstring(L, one ? " is allowed" : "");
  lua_concat(L, 6);
}

static void set_value(lua_State *L, const char *field, transition_value value) {
  if (value.text != NULL) {
    push_value(L, value);
    lua_setfield(L, -2, field);
  }
}

static void push_details(lua_State *L, const transition_result *result) {
  lua_newtable(L);
  lua_pushstring(L, result->verdict == TRANSITION_BAD_STATUS ? "status" : "substatus");
  lua_setfield(L, -2, "member");
  set_value(L, "from", result->from);
  set_value(L, "to", result->to);
  push_list(L, result->allowed);
  lua_setfield(L, -2, "allowed");
}

static int push_result(lua_State *L, transition_result result) {
  if (result.verdict != TRANSITION_OK) {
    lua_pushnil(L);
    push_message(L, &result);
    push_details(L, &result);
    return 3;
  }
  lua_pushboolean(L, 1);
  if (result.set_substatus == NULL) {
    return 1;
  }
  lua_pushstring(L, result.set_substatus);
  return 2;
}

/*
 * check(status, substatus, asked status, asked substatus) -> true, substatus to set | nil, message, {member,
 * from, to, allowed} Each may be nil: not in the referral, or not mentioned in the change.
 */
static int rf_transition_check(lua_State *L) {
  return push_result(L, transition_check(opt_value(L, 1), opt_value(L, 2), opt_value(L, 3), opt_value(L, 4)));
}

/* Pushes a string of the referral or of the change as it reads, else nil; it is the value. */
static transition_value push_member(lua_State *L, json_slice value) {
  if (value.at != NULL && *value.at == '"') {
    rf_push_string(L, value, &rf_room_of(L)->text);
    return check_value(L, -1);
  }
  lua_pushnil(L);
  return (transition_value){NULL, 0};
}

static json_slice member_of(const document *d, const char *name) {
  const json_member *member = document_find(d, name, strlen(name));
  return member != NULL ? member->value : (json_slice){NULL, 0};
}

/* of(document, change text) -> as check() for that referral and that change */
static int rf_transition_of(lua_State *L) {
  lua_settop(L, 2);
  const document *d = rf_check_document(L, 1);
  json_slice change = rf_check_json(L, 2, true);
  transition_value status = push_member(L, member_of(d, "status"));
  transition_value substatus = push_member(L, member_of(d, "substatus"));
  transition_value asked_status = push_member(L, json_find(change, "/status", 7, false));
  transition_value asked_substatus = push_member(L, json_find(change, "/substatus", 10, false));
  return push_result(L, transition_check(status, substatus, asked_status, asked_substatus));
}

/* statuses() -> the statuses of the table */
static int rf_transition_statuses(lua_State *L) {
  size_t count;
  const transition_row *rows = transition_rows(&count);
  lua_newtable(L);
  for (size_t i = 0; i < count; i++) {
    lua_pushstring(L, rows[i].status);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

/* reachable(status) -> what it may become | nil where the table has no such status */
static int rf_transition_reachable(lua_State *L) {
  const transition_row *row = transition_find(check_value(L, 1));
  if (row == NULL) {
    lua_pushnil(L);
  } else {
    push_list(L, row->reachable);
  }
  return 1;
}

/* substatuses(status) -> what is allowed under it | nil where the table has no such status */
static int rf_transition_substatuses(lua_State *L) {
  const transition_row *row = transition_find(check_value(L, 1));
  if (row == NULL) {
    lua_pushnil(L);
  } else {
    push_list(L, row->substatuses);
  }
  return 1;
}

int rf_open_transition(lua_State *L) {
  static const luaL_Reg typed[] = {{"of", rf_transition_of}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"check", rf_transition_check},
      {"statuses", rf_transition_statuses},
      {"reachable", rf_transition_reachable},
      {"substatuses", rf_transition_substatuses},
      {NULL, NULL},
  };
  lua_newtable(L);
  rf_register(L, functions);
  rf_register_typed(L, typed);
  return 1;
}
