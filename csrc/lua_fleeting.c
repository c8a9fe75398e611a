#include "lua_fleeting.h"

#if LUA_VERSION_NUM >= 502

void rf_push_fleeting(lua_State *L, const char *at, size_t length) {
  lua_pushlstring(L, at, length); /* which copies first and collects garbage then */
}

void rf_open_fleeting(lua_State *L) {
  (void)L;
}

#else

#include "lua_anchor.h"

#include <stdlib.h>
#include <string.h>

static const char MOVING[] = "referrals.fleeting";

enum { SHORT = 512 /* bytes that the stack has room for */ };

/* A copy that is being pushed. */
typedef struct copy {
  struct copy *next;
  char bytes[];
} copy;

/* Anchored. Holds each copy until it is pushed; one that something was raised about goes with the state. */
typedef struct copies {
  copy *first;
} copies;

static void forget(copies *all, copy *one) {
  copy **link = &all->first;
  while (*link != NULL && *link != one) {
    link = &(*link)->next;
  }
  if (*link != NULL) { /* else the state's end was faster */
    *link = one->next;
    free(one);
  }
}

static int copies_gc(lua_State *L) {
  copies *all = lua_touserdata(L, 1);
  while (all->first != NULL) {
    forget(all, all->first);
  }
  return 0;
}

static void push_long(lua_State *L, const char *at, size_t length) {
  copies *all = rf_anchored(L, MOVING);
  copy *one = malloc(sizeof *one + length);
  if (one == NULL) {
    luaL_error(L, "not enough memory for a text");
    return;
  }
  memcpy(one->bytes, at, length);
  one->next = all->first;
  all->first = one;
  lua_pushlstring(L, one->bytes, length);
  forget(all, one);
}

void rf_push_fleeting(lua_State *L, const char *at, size_t length) {
  char bytes[SHORT];
  if (length > sizeof bytes) {
    push_long(L, at, length);
    return;
  }
  if (length > 0) {
    memcpy(bytes, at, length);
  }
  lua_pushlstring(L, bytes, length);
}

void rf_open_fleeting(lua_State *L) {
  if (rf_anchored(L, MOVING) == NULL) {
    rf_anchor(L, MOVING, sizeof(copies), copies_gc);
  }
}

#endif
