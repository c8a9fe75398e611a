#include "render.h"

#include "annotation.h"
#include "json_equal.h"
#include "json_number.h"
#include "render_elements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_slice nothing = {NULL, 0};

void render_init(render *r, size_t limit) {
  *r = (render){.prototype = nothing};
  buffer_init(&r->out, limit);
  buffer_init(&r->path, JSON_MAX_POINTER);
}

void render_free(render *r) {
  buffer_free(&r->out);
  buffer_free(&r->path);
  json_members_free(&r->pool);
}

void render_clear(render *r) {
  buffer_clear(&r->out);
  buffer_clear(&r->path);
  r->pool.count = 0;
  r->arrays = 0;
  r->fault = (render_fault){0};
}

bool render_refuse(render *r, const char *what) {
  if (r->fault.what == NULL) {
    r->fault.what = what;
  }
  return false;
}

static bool out_of_room(render *r) {
  r->fault = (render_fault){.what = "less: it does not fit into memory or its bound", .memory = true};
  return false;
}

bool render_equal(render *r, json_slice current, json_slice value) {
  json_comparison how = {.pool = &r->pool};
  bool equal = json_equal(current, value, &how);
  if (how.failed) {
    out_of_room(r);
  }
  return equal;
}

size_t render_enter(render *r, json_slice name) {
  size_t length = r->path.length;
  if (!json_append_pointer(&r->path, name)) {
    out_of_room(r);
  }
  return length;
}

size_t render_enter_element(render *r, size_t position) {
  size_t length = r->path.length;
  char token[24];
  snprintf(token, sizeof token, "/%zu", position);
  if (!buffer_append_text(&r->path, token)) {
    out_of_room(r);
  }
  return length;
}

void render_leave(render *r, size_t length) {
  if (r->fault.what == NULL) { /* a refused value leaves the path at itself, for the message */
    r->path.length = length;
  }
}

static bool append(render *r, json_slice text) {
  return buffer_append(&r->out, text.at, text.length) || out_of_room(r);
}

static bool append_byte(render *r, char byte) {
  return buffer_append_byte(&r->out, byte) || out_of_room(r);
}

/* The kind of value at the current path by the prototype: its first character, or NUL. */
static char kind_by_prototype(const render *r) {
  if (r->prototype.at == NULL) {
    return '\0';
  }
  json_slice found = json_find(r->prototype, r->path.data, r->path.length, true);
  return found.at == NULL ? '\0' : *found.at;
}

static bool is_kind(json_slice value, char kind) {
  return value.at != NULL && *value.at == kind;
}

static bool is_number(json_slice value) {
  return value.at != NULL && (*value.at == '-' || (*value.at >= '0' && *value.at <= '9'));
}

static bool render_empty(render *r, json_slice current) {
  char kind = current.at != NULL ? *current.at : '\0';
  if (kind != '[' && kind != '{') {
    kind = kind_by_prototype(r);
  }
  if (kind == '[' || kind == '{') {
    return append(r, (json_slice){kind == '[' ? "[]" : "{}", 2});
  }
  return render_refuse(
      r, "an array or an object: an empty table says neither (use referrals.array{} or a member)");
}

static bool render_string(render *r, json_slice string, json_slice current) {
  json_slice inside = {string.at + 1, string.length - 2};
  bool as_number = json_is_number(inside) && (is_number(current) || kind_by_prototype(r) == '0');
  return append(r, as_number ? inside : string);
}

static bool render_member(render *r, json_member member, json_slice current, bool first) {
  size_t length = render_enter(r, member.name);
  bool done =
      (first || append_byte(r, ',')) && append(r, member.name) && append_byte(r, ':') &&
      (current.at != NULL && render_equal(r, current, member.value) ? append(r, current)
                                                                    : render_value(r, member.value, current));
  render_leave(r, length);
  return done && r->fault.what == NULL;
}

/* The members that `current` has come first, in its order, a null that the new value leaves out included. */
static bool render_known_members(render *r, json_slice current, const json_index *asked, bool *first) {
  json_cursor cursor = json_enter(current);
  json_member member;
  while (json_next_member(&cursor, &member)) {
    size_t found = json_index_find(&r->pool, asked, member.name);
    bool kept_null = found == SIZE_MAX && *member.value.at == 'n';
    if ((found == SIZE_MAX && !kept_null) || annotation_is(member.name)) {
      continue;
    }
    json_slice value = kept_null ? member.value : r->pool.items[found].value;
    if (!render_member(r, (json_member){member.name, value}, member.value, *first)) {
      return false;
    }
    *first = false;
  }
  return true;
}

static bool render_object(render *r, json_slice object, json_slice current) {
  json_index asked;
  json_index known = {0};
  if (!json_index_open_sorted(&r->pool, object, &asked)) {
    return out_of_room(r);
  }
  known.first = r->pool.count;
  bool first = true;
  bool done = append_byte(r, '{');
  if (current.at != NULL) {
    done = done && (json_index_open(&r->pool, current, &known) || out_of_room(r)) &&
           render_known_members(r, current, &asked, &first);
  }
  for (size_t i = asked.first; done && i < asked.first + asked.count; i++) {
    json_member member = r->pool.items[i];
    bool counts = json_index_find(&r->pool, &asked, member.name) == i && !annotation_is(member.name);
    if (counts && json_index_find(&r->pool, &known, member.name) == SIZE_MAX) {
      done = render_member(r, member, nothing, first);
      first = false;
    }
  }
  json_index_close(&r->pool, &asked);
  return done && append_byte(r, '}');
}

/* What an element of an array is made of. */
typedef struct origin {
  json_slice base; /* of the array as it is now; or none */
  bool known;      /* it was read from there; else it only stands there */
} origin;

/* What its mark says, else what stands at the same place. */
static bool origin_of(render *r, json_slice element, size_t position, json_slice same_place,
                      json_slice current, render_elements *elements, origin *from) {
  *from = (origin){.base = same_place};
  if (*element.at != JSON_MARK_PLACE) {
    return true;
  }
  size_t place = json_place(element);
  if (place != position) {
    bool any = place != SIZE_MAX && current.at != NULL;
    if (any && !render_elements_make(elements, current)) {
      return out_of_room(r);
    }
    from->base = any && place < elements->count ? elements->items[place] : nothing;
  }
  from->known = from->base.at != NULL;
  return true;
}

static bool is_container(json_slice value) {
  return *value.at == '{' || *value.at == '[' || *value.at == JSON_MARK_EMPTY;
}

/* Its equal, if there is one: where it comes from, else anywhere in the array. One that was read from
 * somewhere keeps what it has from there, whatever else it has become equal to. */
static json_slice equal_element(json_slice element, origin from, json_slice current,
                                render_elements *elements, json_comparison *how) {
  if (from.base.at != NULL && json_equal(from.base, element, how)) {
    return from.base;
  }
  if (current.at == NULL || from.known) {
    return nothing;
  }
  how->failed = how->failed || !render_elements_make(elements, current);
  return how->failed ? nothing : render_elements_find(elements, element, how);
}

/* A string of digits is the string that stands there, and only else the number that it writes. */
static bool render_element(render *r, json_slice element, origin from, json_slice current,
                           render_elements *elements) {
  json_comparison how = {.pool = &r->pool, .strictly = true};
  json_slice found = equal_element(element, from, current, elements, &how);
  if (found.at == NULL && !how.failed) {
    how.strictly = false;
    found = equal_element(element, from, current, elements, &how);
  }
  if (how.failed) {
    return out_of_room(r);
  }
  return found.at != NULL ? append(r, found)
                          : render_value(r, element, is_container(element) ? from.base : nothing);
}

/* An array is replaced as a whole, so within one there is nothing that items could be added to. */
static bool refuse_within_array(render *r) {
  return r->arrays == 0 ||
         render_refuse(r, "a whole array: add and remove do not reach into another array's element");
}

static bool render_array(render *r, json_slice array, json_slice current) {
  render_elements elements = {0};
  json_cursor cursor = json_enter(array);
  json_cursor old = current.at != NULL ? json_enter(current) : (json_cursor){NULL, NULL};
  json_slice element;
  bool done = append_byte(r, '[');
  r->arrays++;
  for (size_t position = 0; done && json_next_element(&cursor, &element); position++) {
    json_slice same_place = nothing;
    if (old.at != NULL && !json_next_element(&old, &same_place)) {
      same_place = nothing;
      old.at = NULL;
    }
    size_t length = render_enter_element(r, position);
    origin from;
    done = (position == 0 || append_byte(r, ',')) &&
           origin_of(r, element, position, same_place, current, &elements, &from) &&
           render_element(r, json_unplaced(element), from, current, &elements) && r->fault.what == NULL;
    render_leave(r, length);
  }
  r->arrays--;
  render_elements_free(&elements);
  return done && append_byte(r, ']');
}

bool render_value(render *r, json_slice value, json_slice current) {
  switch (*value.at) {
  case JSON_MARK_EMPTY:
    return render_empty(r, current);
  case JSON_MARK_NUMBER:
    return append(r, (json_slice){value.at + 1, value.length - 1});
  case JSON_MARK_PLACE:
    return render_value(r, json_unplaced(value), current);
  case JSON_MARK_REMOVE:
    return refuse_within_array(r) && render_refuse(r, "an array to remove from: there is none");
  case JSON_MARK_ADD:
    value = (json_slice){value.at + 1, value.length - 1};
    return refuse_within_array(r) && render_array(r, value, nothing);
  case '"':
    return render_string(r, value, current);
  case '{':
    return render_object(r, value, is_kind(current, '{') ? current : nothing);
  case '[':
    return render_array(r, value, is_kind(current, '[') ? current : nothing);
  default:
    return append(r, value);
  }
}

static bool has_element(render *r, json_slice array, json_slice value) {
  json_cursor cursor = json_enter(array);
  json_slice element;
  while (json_next_element(&cursor, &element)) {
    if (render_equal(r, element, value)) {
      return true;
    }
  }
  return false;
}

/* Whether the array that is being written from `start` on has it already. */
static bool has_written(render *r, size_t start, json_slice value) {
  if (!append_byte(r, ']')) {
    return false;
  }
  json_slice so_far = {r->out.data + start, r->out.length - start};
  bool has = has_element(r, so_far, value);
  r->out.length--;
  return has;
}

/* The items that `current` lacks, as an array at the end of `out`; `*count` says how many. */
static bool render_missing(render *r, json_slice items, json_slice current, size_t *count) {
  json_cursor cursor = json_enter(items);
  json_slice item;
  size_t start = r->out.length;
  bool done = append_byte(r, '[');
  r->arrays++;
  for (*count = 0; done && json_next_element(&cursor, &item);) {
    if (has_element(r, current, item) || has_written(r, start, item)) {
      continue;
    }
    size_t length = render_enter_element(r, *count);
    done = (*count == 0 || append_byte(r, ',')) && render_value(r, item, nothing) && r->fault.what == NULL;
    render_leave(r, length);
    (*count)++;
  }
  r->arrays--;
  return done && append_byte(r, ']');
}

bool render_added(render *r, json_slice items, json_slice current, size_t *added) {
  size_t start = r->out.length;
  size_t count = 0;
  *added = 0;
  if (!render_missing(r, items, current, &count)) {
    return false;
  }
  size_t length = r->out.length - start;
  if (count == 0) {
    r->out.length = start;
    return true;
  }
  json_cursor cursor = json_enter(current);
  json_slice element = {current.at + 1, 0}; /* where the first item goes when there is no element */
  bool any = false;
  while (json_next_element(&cursor, &element)) {
    any = true;
  }
  /* current up to its last element, the new items without their bracket, the rest of current */
  const char *split = element.at + element.length;
  size_t head = (size_t)(split - current.at);
  size_t whole = current.length + (any ? 1 : 0) + length - 2;
  if (!buffer_reserve(&r->out, whole)) {
    return out_of_room(r);
  }
  char *items_text = r->out.data + start;
  memmove(items_text + whole, items_text, length);
  char *at = items_text;
  memcpy(at, current.at, head);
  at += head;
  if (any) {
    *at++ = ',';
  }
  memcpy(at, items_text + whole + 1, length - 2);
  memcpy(at + length - 2, split, current.length - head);
  r->out.length = start + whole + length;
  *added = start + whole;
  return true;
}

bool render_removed(render *r, json_slice positions, json_slice current) {
  json_cursor gone = json_enter(positions);
  json_slice next_gone;
  bool more = json_next_element(&gone, &next_gone);
  json_cursor cursor = json_enter(current);
  json_slice element;
  bool first = true;
  bool done = append_byte(r, '[');
  for (size_t position = 0; done && json_next_element(&cursor, &element); position++) {
    if (more && strtoull(next_gone.at + (*next_gone.at == JSON_MARK_NUMBER), NULL, 10) == position) {
      more = json_next_element(&gone, &next_gone);
      continue;
    }
    done = (first || append_byte(r, ',')) && append(r, element);
    first = false;
  }
  return done && append_byte(r, ']');
}
