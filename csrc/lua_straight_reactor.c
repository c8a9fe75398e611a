/* The straight way through a reactor: one ticket carries the read and then the write. */
#include "buffer.h"
#include "lua_anchor.h"
#include "lua_document.h"
#include "lua_reactor.h"
#include "lua_straight.h"

static bool open(straight *s) {
  s->ticket = reactor_is_ours(s->reactor) ? rf_push_ticket(s->L, s->reactor, RF_EXCHANGE_AT) : NULL;
  if (s->ticket == NULL) {
    return false;
  }
  lua_replace(s->L, RF_EXCHANGE_AT);
  return true;
}

static buffer *body(straight *s) {
  return &rf_room_of(s->L)->work.next;
}

/* A write after a read is the ticket's second request. */
static void start(straight *s, const rf_request_parts *parts, http_request *request) {
  const rf_request_sink sink = {.target = s->ticket, .add = rf_value_to_ticket};
  if (s->way->reads && s->way->writes && !reactor_renew(s->ticket)) {
    luaL_error(s->L, "the reactor is closed");
  }
  rf_compose(s->L, RF_TEMPLATE_AT, parts, request, &sink, s->way->id);
  request->timeout = s->way->deadline - http_now();
  if (!reactor_submit(s->ticket, request)) {
    luaL_error(s->L, "not enough memory for a request");
  }
}

static const http_result *result(const straight *s) {
  return s->ticket != NULL ? reactor_result(s->ticket) : NULL;
}

static bool take_text(straight *s, const http_result *of) {
  buffer *text = &s->way->text;
  buffer_clear(text);
  return buffer_append(text, of->body, of->body_length);
}

static void give_text_back(straight *s) {
  buffer_clear(&s->way->text); /* it was copied */
}

static void close_ticket(straight *s) {
  rf_close_ticket(s->L, RF_EXCHANGE_AT);
}

static const straight_carrier through_reactor = {open,      body,           start,       result,
                                                 take_text, give_text_back, close_ticket};

static straight arguments(lua_State *L) {
  straight s = rf_straight(L, &through_reactor);
  s.reactor = rf_check_reactor(L, RF_CARRIER);
  return s;
}

/* reactor:begin_update(as session:begin_update() has it, with a ticket for the exchange) -> the ticket, to be
 * waited for as one of reactor:begin() is | nil as there, or when there are too many already */
int rf_reactor_begin_update(lua_State *L) {
  straight s = arguments(L);
  if (!rf_straight_begin(&s, rf_is_minimal(L, RF_OPTIONS))) {
    return 0;
  }
  lua_pushvalue(L, RF_EXCHANGE_AT);
  return 1;
}

/* reactor:advance(as session:advance() has it, with the ticket for the exchange, or with an answer of Lua's
 * in place of one that nobody waits for any more) -> as there; that answer is handed over */
int rf_reactor_advance(lua_State *L) {
  straight s = arguments(L);
  bool waits = rf_is_ticket(L, RF_EXCHANGE_AT);
  s.ticket = waits ? rf_check_ticket(L, RF_EXCHANGE_AT) : NULL;
  s.current = s.way->reads ? &s.way->held : rf_check_document(L, RF_CURRENT);
  s.stays = lua_toboolean(L, RF_OPTIONS);
  int given = !waits || result(&s) != NULL ? rf_straight_go_on(&s) : 0;
  if (given == 0) {
    lua_pushliteral(L, "wait");
    return 1;
  }
  return given;
}
