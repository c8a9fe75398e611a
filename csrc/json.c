#include "json.h"
#include "json_scan.h"

#include <stdlib.h>
#include <string.h>

bool json_members_reserve(json_members *members, size_t more) {
  if (more <= members->capacity - members->count) {
    return true;
  }
  size_t capacity = members->capacity == 0 ? 64 : members->capacity * 2;
  while (capacity < members->count + more && capacity <= JSON_MAX_MEMBERS) {
    capacity *= 2;
  }
  json_member *items = capacity > JSON_MAX_MEMBERS ? NULL : realloc(members->items, capacity * sizeof *items);
  if (items == NULL) {
    return false;
  }
  members->items = items;
  members->capacity = capacity;
  return true;
}

bool json_members_append(json_members *members, json_member_list list) {
  if (list.count == 0 || !json_members_reserve(members, list.count)) {
    return list.count == 0;
  }
  memcpy(members->items + members->count, list.items, list.count * sizeof *list.items);
  members->count += list.count;
  return true;
}

void json_members_free(json_members *members) {
  free(members->items);
  *members = (json_members){0};
}

/* Half of all that is walked over is strings. */
static inline const char *skip_string(const char *at, const char *end) {
  at++;
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  while (json_has(at, end, JSON_BLOCK)) {
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    int mask =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
    if (mask == 0) {
      at += JSON_BLOCK;
      continue;
    }
    at += __builtin_ctz((unsigned)mask);
    if (*at == '"') {
      return at + 1;
    }
    at += 2;
  }
#else
  (void)end;
#endif
  for (; *at != '"'; at++) {
    at += *at == '\\' ? 1 : 0;
  }
  return at + 1;
}

const char *json_skip_string(const char *at, const char *end) {
  return skip_string(at, end);
}

/* To the next quote or bracket, of which an unfinished container always has one before `end`. */
static const char *skip_to_structure(const char *at, const char *end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i fold = _mm_set1_epi8(0x20); /* takes '[' to '{' and ']' to '}', and nothing else to either */
  const __m128i open = _mm_set1_epi8('{');
  const __m128i close = _mm_set1_epi8('}');
  while (json_has(at, end, JSON_BLOCK)) {
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i folded = _mm_or_si128(block, fold);
    __m128i brackets = _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close));
    int mask = _mm_movemask_epi8(_mm_or_si128(brackets, _mm_cmpeq_epi8(block, quote)));
    if (mask != 0) {
      return at + __builtin_ctz((unsigned)mask);
    }
    at += JSON_BLOCK;
  }
#else
  (void)end;
#endif
  while (*at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']') {
    at++;
  }
  return at;
}

static const char *skip_container(const char *at, const char *end) {
  int depth = 0;
  do {
    at = skip_to_structure(at, end);
    if (*at == '"') {
      at = skip_string(at, end);
    } else {
      depth += *at == '{' || *at == '[' ? 1 : -1;
      at++;
    }
  } while (depth > 0);
  return at;
}

static const char *past_place(const char *mark) {
  const char *at = mark + 1;
  while (json_is_digit(*at)) {
    at++;
  }
  return at;
}

/* Marks are control characters; JSON_MARK_EMPTY stands for a value itself. */
static const char *past_mark(const char *at) {
  if (*at == JSON_MARK_PLACE) {
    return past_place(at);
  }
  return *at == JSON_MARK_EMPTY ? at : at + 1;
}

const char *json_skip(const char *at, const char *end) {
  if ((unsigned char)*at < ' ') {
    at = past_mark(at);
    if (*at == JSON_MARK_EMPTY) {
      return at + 1;
    }
  }
  if (*at == '"') {
    return skip_string(at, end);
  }
  if (*at == '{' || *at == '[') {
    return skip_container(at, end);
  }
  while (at < end && *at != ',' && *at != '}' && *at != ']' && (unsigned char)*at > ' ') {
    at++;
  }
  return at;
}

json_slice json_unplaced(json_slice value) {
  if (*value.at != JSON_MARK_PLACE) {
    return value;
  }
  const char *at = past_place(value.at);
  return (json_slice){at, (size_t)(value.at + value.length - at)};
}

size_t json_place(json_slice value) {
  size_t place = 0;
  const char *end = *value.at == JSON_MARK_PLACE ? past_place(value.at) : value.at;
  for (const char *at = value.at + 1; at < end && place <= JSON_MAX_LENGTH; at++) {
    place = place * 10 + (size_t)(*at - '0');
  }
  return end > value.at + 1 ? place : SIZE_MAX;
}

json_cursor json_enter(json_slice container) {
  return (json_cursor){.at = container.at + 1, .end = container.at + container.length};
}

/* To the next item of a container, over a comma; false at its closing bracket. */
static bool next_item(json_cursor *cursor) {
  const char *at = json_skip_space(cursor->at, cursor->end);
  if (*at == ',') {
    at = json_skip_space(at + 1, cursor->end);
  }
  cursor->at = at;
  return *at != '}' && *at != ']';
}

bool json_next_member(json_cursor *cursor, json_member *member) {
  if (!next_item(cursor)) {
    return false;
  }
  const char *name = cursor->at;
  const char *name_end = skip_string(name, cursor->end);
  const char *value = json_near_value(name_end, cursor->end);
  if (value == NULL) {
    value = json_skip_space(json_skip_space(name_end, cursor->end) + 1, cursor->end);
  }
  cursor->at = json_skip(value, cursor->end);
  member->name = (json_slice){name, (size_t)(name_end - name)};
  member->value = (json_slice){value, (size_t)(cursor->at - value)};
  return true;
}

bool json_next_element(json_cursor *cursor, json_slice *element) {
  if (!next_item(cursor)) {
    return false;
  }
  const char *value = cursor->at;
  cursor->at = json_skip(value, cursor->end);
  *element = (json_slice){value, (size_t)(cursor->at - value)};
  return true;
}

/* The value under the name that a pointer's token stands for; of several the last counts, as in every reader.
 */
static json_slice find_member(json_slice object, const char *token, size_t length) {
  json_slice found = {NULL, 0};
  json_member member;
  json_cursor cursor = json_enter(object);
  bool escaped = memchr(token, '~', length) != NULL;
  while (json_next_member(&cursor, &member)) {
    if (escaped ? json_string_is_token(member.name, token, length)
                : json_string_is(member.name, token, length)) {
      found = member.value;
    }
  }
  return found;
}

static json_slice find_element(json_slice array, const char *token, size_t length, bool any_item) {
  size_t position = 0;
  if (!any_item && (length == 0 || (length > 1 && *token == '0'))) {
    return (json_slice){NULL, 0};
  }
  for (size_t i = 0; i < length && !any_item; i++) {
    if (token[i] < '0' || token[i] > '9' || position > JSON_MAX_LENGTH) {
      return (json_slice){NULL, 0};
    }
    position = position * 10 + (size_t)(token[i] - '0');
  }
  json_slice element;
  json_cursor cursor = json_enter(array);
  while (json_next_element(&cursor, &element)) {
    if (position-- == 0) {
      return element;
    }
  }
  return (json_slice){NULL, 0};
}

json_slice json_find(json_slice value, const char *pointer, size_t pointer_length, bool any_item) {
  if (pointer_length > 0 && *pointer != '/') {
    return (json_slice){NULL, 0};
  }
  for (size_t at = 0; at < pointer_length && value.at != NULL;) {
    const char *token = pointer + at + 1;
    const char *token_end = memchr(token, '/', pointer_length - at - 1);
    size_t token_length = token_end == NULL ? pointer_length - at - 1 : (size_t)(token_end - token);
    at += 1 + token_length;
    if (*value.at == '{') {
      value = find_member(value, token, token_length);
    } else if (*value.at == '[') {
      value = find_element(value, token, token_length, any_item);
    } else {
      value.at = NULL;
    }
  }
  return value;
}

bool json_append_pointer(buffer *pointer, json_slice name) {
  buffer_append_byte(pointer, '/');
  size_t start = pointer->length;
  json_unescape(name, pointer);
  for (size_t i = start; i < pointer->length && !pointer->failed; i++) {
    char c = pointer->data[i];
    if ((c == '~' || c == '/') && buffer_append_byte(pointer, 0)) {
      memmove(pointer->data + i + 1, pointer->data + i, pointer->length - i - 1);
      pointer->data[i] = '~';
      pointer->data[++i] = c == '~' ? '0' : '1';
    }
  }
  return !pointer->failed;
}
