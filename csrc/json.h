/*
 * JSON text: judge, walk, find, compare, unescape. No tree: a value is a stretch of the text it stands in.
 *
 * Everything but json_judge() takes text that json_judge() accepted, and needs no bound of its own for that
 * reason: an accepted value ends inside its text. Nothing here allocates unless it says so.
 */
#ifndef REFERRALS_JSON_H
#define REFERRALS_JSON_H

#include "buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum {
  JSON_MAX_DEPTH = 64,         /* objects and arrays inside each other */
  JSON_MAX_LENGTH = 1 << 30,   /* bytes of one text */
  JSON_MAX_MEMBERS = 1 << 20,  /* members of one object that is searched */
  JSON_MAX_POINTER = 64 * 1024 /* bytes of a path */
};

/*
 * The marks. A change is JSON text that may hold these control bytes, which no JSON text has outside a
 * string, where a Lua value means more than JSON can say.
 */
enum {
  JSON_MARK_EMPTY = 0x01,  /* an empty table: array or object is not known */
  JSON_MARK_NUMBER = 0x02, /* before a number that was a floating-point number: equal as such is equal */
  JSON_MARK_ADD = 0x03,    /* before an array: append its items */
  JSON_MARK_REMOVE = 0x04, /* before an array of positions, rising, from 0: remove these items */
  JSON_MARK_PLACE = 0x05   /* before an element that is an object, an array or JSON_MARK_EMPTY: then comes its
                              position, from 0, in the array as it was read, or nothing where it was not read */
};

/* A stretch of a text that somebody else owns. `at` is NULL for "there is none". */
typedef struct json_slice {
  const char *at;
  size_t length;
} json_slice;

/* A member of an object: its name with the quotes, and its value. */
typedef struct json_member {
  json_slice name;
  json_slice value;
} json_member;

/* Members that were met, in their order; freed with json_members_free(). */
typedef struct json_members {
  json_member *items;
  size_t count;
  size_t capacity;
} json_members;

/* Members that somebody else owns. */
typedef struct json_member_list {
  const json_member *items;
  size_t count;
} json_member_list;

/* Why a text was refused. */
typedef struct json_fault {
  size_t offset;    /* bytes from the text's start */
  const char *what; /* static text: what was expected there */
} json_fault;

typedef struct json_judgement {
  json_slice value;      /* the text's one value, without white space around it */
  bool unicode_escapes;  /* some \u escape stands in what is not known */
  bool escaped_names;    /* some name of the outermost object that is not known has an escape in it */
  json_members *members; /* in: NULL, or where the members of the outermost object go */
  bool marks;            /* in: the marks are allowed */

  /* in: the outermost members, in their order, of an object that was accepted before. A member that stands in
   * this text with the very same bytes was judged then. */
  json_member_list known;
  json_member_list written; /* in: some of the known as they were written since: just as good */
  json_members *fresh;      /* in: NULL, or where those of the outermost members go that are not known */
  json_members
      *gone; /* in: NULL, or where those of the known go that do not stand in this text as they were */
} json_judgement;

/*
 * Judges `length` bytes by RFC 8259, with UTF-8 and JSON_MAX_DEPTH enforced.
 * False with `fault` set; a fault "out of memory" can only come when members are collected.
 */
bool json_judge(const char *text, size_t length, json_judgement *judgement, json_fault *fault);

/* Room for `more` members beyond those that are there, or false. */
bool json_members_reserve(json_members *members, size_t more);

/* False when memory or JSON_MAX_MEMBERS forbids it. */
static inline bool json_members_push(json_members *members, json_member member) {
  if (members->count == members->capacity && !json_members_reserve(members, 1)) {
    return false;
  }
  members->items[members->count++] = member;
  return true;
}

/* The same for all of a list, in its order, or for none. */
bool json_members_append(json_members *members, json_member_list list);

/* Gives back the memory; what is left is empty, and may be filled or freed again. */
void json_members_free(json_members *members);

/* The end of the string whose opening quote is at `at`. */
const char *json_skip_string(const char *at, const char *end);

/* The end of the value that begins at `at`, which ends before `end`. */
const char *json_skip(const char *at, const char *end);

/* A value without its JSON_MARK_PLACE, and the position that the mark says; SIZE_MAX for none. */
json_slice json_unplaced(json_slice value);
size_t json_place(json_slice value);

/* Walks the members of an object or the elements of an array, in their order. */
typedef struct json_cursor {
  const char *at;
  const char *end;
} json_cursor;

json_cursor json_enter(json_slice container);

/* False at the end, and then nothing was set. */
bool json_next_member(json_cursor *cursor, json_member *member);
bool json_next_element(json_cursor *cursor, json_slice *element);

/*
 * The value a JSON Pointer (RFC 6901) leads to. With `any_item` each array stands for its first element,
 * whatever the position asked for: how a prototype is read.
 */
json_slice json_find(json_slice value, const char *pointer, size_t pointer_length, bool any_item);

/* Orders two strings (with their quotes) by their unescaped bytes: <0, 0 or >0. */
int json_compare_strings(json_slice a, json_slice b);

/* Whether two strings (with their quotes) are one and the same for Lua, which has U+FFFD for half a surrogate
 * pair. */
bool json_reads_as(json_slice a, json_slice b);

/* Whether a string (with its quotes) reads as these bytes. */
bool json_string_is(json_slice string, const char *bytes, size_t length);

/* The same for a JSON Pointer's token, in which ~1 stands for "/" and ~0 for "~". */
bool json_string_is_token(json_slice string, const char *token, size_t length);

/* Whether a string (with its quotes) has these bytes in it once unescaped. `bytes`: at most 32. */
bool json_string_has(json_slice string, const char *bytes, size_t length);

/* A hash of what a string reads as for Lua. */
uint64_t json_string_hash(json_slice string);

/* Whether a value is a string (without half a surrogate pair in it), number, boolean or null. */
bool json_is_scalar(json_slice value);

/* Appends a string's unescaped bytes; half a surrogate pair as the three bytes its number would have. This
 * one and the next two are false when that does not fit into the buffer, or there is no memory. */
bool json_unescape(json_slice string, buffer *out);

/* Appends bytes as a JSON string with its quotes; they must be UTF-8, or what json_unescape() gave. */
bool json_append_string(buffer *out, const char *bytes, size_t length);

/* Appends "/name" to a JSON Pointer, from a name with its quotes. */
bool json_append_pointer(buffer *pointer, json_slice name);

/* The length of the UTF-8 character at `at`, 1 to 4, or 0 when it is none. */
size_t json_utf8_length(const char *at, const char *end);

#pragma GCC visibility pop

#endif
