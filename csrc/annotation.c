#include "annotation.h"

#include <string.h>

static const char mark[] = "@odata.";
enum { MARK_LENGTH = sizeof mark - 1 };

bool annotation_is(json_slice name) {
  bool possible = memchr(name.at, '@', name.length) != NULL || memchr(name.at, '\\', name.length) != NULL;
  return possible && json_string_has(name, mark, MARK_LENGTH);
}

bool annotation_within(json_slice value, bool escaped) {
  const char *end = value.at + value.length;
  for (const char *at = value.at; (at = memchr(at, '@', (size_t)(end - at))) != NULL; at++) {
    if (end - at >= MARK_LENGTH && memcmp(at, mark, MARK_LENGTH) == 0) {
      return true;
    }
  }
  for (const char *at = value.at; escaped && (at = memchr(at, '\\', (size_t)(end - at))) != NULL; at += 2) {
    if (end - at >= 6 && memcmp(at, "\\u00", 4) == 0 && at[4] <= '7') {
      return true;
    }
  }
  return false;
}

/* Copies a text in its order, leaving out what is cut. */
typedef struct copier {
  buffer *out;
  const char *text;
  size_t copied; /* bytes of the text that were copied or cut */
} copier;

static void cut(copier *c, const char *start, const char *end) {
  buffer_append(c->out, c->text + c->copied, (size_t)(start - c->text) - c->copied);
  c->copied = (size_t)(end - c->text);
}

static void strip(copier *c, json_slice value);

static void strip_object(copier *c, json_slice object) {
  json_cursor cursor = json_enter(object);
  json_member member;
  const char *kept_end = NULL; /* of the last member that stays */
  const char *cut_from = NULL; /* annotations at the beginning go up to the next name */
  while (json_next_member(&cursor, &member)) {
    if (cut_from != NULL) {
      cut(c, cut_from, member.name.at);
      cut_from = NULL;
    }
    const char *end = member.value.at + member.value.length;
    if (!annotation_is(member.name)) {
      strip(c, member.value);
      kept_end = end;
    } else if (kept_end != NULL) {
      cut(c, kept_end, end);
      kept_end = end;
    } else {
      cut_from = member.name.at;
    }
  }
  if (cut_from != NULL) {
    cut(c, cut_from, cursor.end - 1);
  }
}

static void strip(copier *c, json_slice value) {
  if (*value.at == '{') {
    strip_object(c, value);
  } else if (*value.at == '[') {
    json_cursor cursor = json_enter(value);
    json_slice element;
    while (json_next_element(&cursor, &element)) {
      strip(c, element);
    }
  }
}

bool annotation_strip(json_slice value, buffer *out) {
  copier c = {.out = out, .text = value.at};
  strip(&c, value);
  return buffer_append(out, c.text + c.copied, value.length - c.copied) && !out->failed;
}
