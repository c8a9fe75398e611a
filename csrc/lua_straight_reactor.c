/* The straight way through a reactor: one ticket carries the read and then the write. */
#include "buffer.h"
#include "lua_anchor.h"
#include "lua_document.h"
#include "lua_reactor.h"
#include "lua_straight.h"

static bool open(straight *s) {
  s->ticket = reactor_is_ours(s->reactor) ? rf_push_ticket(s->L, RF_CARRIER, RF_EXCHANGE_AT) : NULL;
  if (s->ticket == NULL) {
    return false;
  }
  lua_replace(s->L, RF_EXCHANGE_AT);
  return true;
}

static buffer *body(straight *s) {
  return &rf_room_of(s->L)->work.next;
}

/* What follows a read follows on the reactor's thread, which has the revision meanwhile. */
static void start(straight *s, const rf_request_parts *parts, http_request *request) {
  rf_draw_id(s->L, RF_TEMPLATE_AT, s->way->id);
  const rf_request_sink sink = {.target = s->ticket, .add = rf_value_to_ticket};
  rf_compose(s->L, RF_TEMPLATE_AT, parts, request, &sink, s->way->id);
  request->timeout = rf_time_for(s->way);
  reactor_set_pause(s->ticket, rf_pause_of(s->L, RF_TEMPLATE_AT));
  if (s->way->reads) {
    reactor_set_sequel(s->ticket, &revision_sequel, s->way->revision);
    s->way->revision = NULL;
  }
  if (!reactor_submit(s->ticket, request)) {
    luaL_error(s->L, "not enough memory for a request");
  }
}

static const http_result *result(const straight *s) {
  return s->ticket != NULL ? reactor_result(s->ticket) : NULL;
}

static void close_ticket(straight *s) {
  rf_close_ticket(s->L, RF_EXCHANGE_AT);
}

static const straight_carrier through_reactor = {open, body, start, result, close_ticket};

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

static void take_back(way *w, const reactor_ticket *ticket) {
  if (w->reads && w->revision == NULL) {
    w->revision = reactor_take_sequel(ticket);
  }
}

/* ticket:recall(way): nobody waits for the ticket any more, but the connection at which that was done is
 * still there. The write that follows its read is not begun from now on; if it was, the way knows. */
int rf_ticket_recall(lua_State *L) {
  take_back(rf_check_type(L, 2, RF_WAY_TYPE, RF_WAY), rf_check_ticket(L, 1));
  return 0;
}

/* reactor:end_update(as session:end_update() has it, with the ticket for the exchange, or with an answer of
 * Lua's in place of one that was recalled) -> as there; that answer is handed over */
int rf_reactor_end_update(lua_State *L) {
  straight s = arguments(L);
  if (rf_is_ticket(L, RF_EXCHANGE_AT)) {
    s.ticket = rf_check_ticket(L, RF_EXCHANGE_AT);
    luaL_argcheck(L, result(&s) != NULL, RF_EXCHANGE_AT, "the ticket is not done");
    take_back(s.way, s.ticket);
  }
  s.current = s.way->reads ? NULL : rf_check_document(L, RF_CURRENT);
  return rf_straight_end(&s);
}
