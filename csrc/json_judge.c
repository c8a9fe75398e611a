/* Judging: is this text JSON? One pass, nothing kept but the answer. */
#include "json_number.h"
#include "json_scan.h"

#include <stdint.h>
#include <string.h>

typedef struct judge {
  const char *text;
  const char *end;
  json_judgement *judgement;
  json_fault *fault;
  json_member_list known;   /* those that may still come */
  json_member_list written; /* the same */
} judge;

static const char *accept_value(judge *j, const char *at, int depth);

static const char *refuse(judge *j, const char *at, const char *what) {
  *j->fault = (json_fault){.offset = (size_t)(at - j->text), .what = what};
  return NULL;
}

/* Past the bytes that need no look of their own: ASCII without quote, backslash and control characters. */
static const char *skip_plain(const char *at, const char *end) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i space = _mm_set1_epi8(' ');
  while (end - at >= 16) {
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    /* Signed: bytes from 0x80 up are negative, so below the space too. */
    __m128i special =
        _mm_or_si128(_mm_cmplt_epi8(block, space),
                     _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
    int mask = _mm_movemask_epi8(special);
    if (mask != 0) {
      return at + __builtin_ctz((unsigned)mask);
    }
    at += 16;
  }
#endif
  while (at < end && (unsigned char)*at >= ' ' && (unsigned char)*at < 0x80 && *at != '"' && *at != '\\') {
    at++;
  }
  return at;
}

static bool read_hex4(const char *at, const char *end, unsigned *unit) {
  if (end - at < 4) {
    return false;
  }
  *unit = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) {
      return false;
    }
    *unit = *unit * 16 + (unsigned)digit;
  }
  return true;
}

/* `at` is behind "\u". */
static const char *accept_unicode_escape(judge *j, const char *at) {
  unsigned unit = 0;
  unsigned low = 0;
  if (!read_hex4(at, j->end, &unit)) {
    return refuse(j, at, "four hexadecimal digits after \\u");
  }
  at += 4;
  if (unit < 0xD800 || unit > 0xDFFF) {
    return at;
  }
  if (unit < 0xDC00 && j->end - at >= 6 && at[0] == '\\' && at[1] == 'u' && read_hex4(at + 2, j->end, &low) &&
      low >= 0xDC00 && low <= 0xDFFF) {
    return at + 6;
  }
  j->judgement->lone_surrogates = true;
  return at;
}

static const char *accept_escape(judge *j, const char *at) {
  if (at + 1 < j->end) {
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return at + 2;
    case 'u':
      return accept_unicode_escape(j, at + 2);
    default:
      break;
    }
  }
  return refuse(j, at, "an escape that JSON knows after the backslash");
}

/* `at` is in a string; returns behind its closing quote. */
static const char *accept_rest(judge *j, const char *at) {
  while (at != NULL) {
    at = skip_plain(at, j->end);
    if (at == j->end) {
      return refuse(j, at, "the end of a string");
    }
    if (*at == '"') {
      return at + 1;
    }
    if (*at == '\\') {
      at = accept_escape(j, at);
      continue;
    }
    size_t width = json_utf8_length(at, j->end);
    if (width == 0 || (unsigned char)*at < ' ') {
      return refuse(j, at, width == 0 ? "UTF-8 in a string" : "no bare control character in a string");
    }
    at += width;
  }
  return NULL;
}

/* `at` is at the opening quote; returns behind the closing one. */
static inline const char *accept_string(judge *j, const char *at) {
  const char *end = skip_plain(at + 1, j->end);
  return end < j->end && *end == '"' ? end + 1 : accept_rest(j, end);
}

/* Most values are strings, for which entering accept_value() costs as much as they do. */
static inline const char *accept_any(judge *j, const char *at, int depth) {
  return at < j->end && *at == '"' ? accept_string(j, at) : accept_value(j, at, depth);
}

static const char *accept_word(judge *j, const char *at, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(j->end - at) < length || memcmp(at, word, length) != 0) {
    return refuse(j, at, "a JSON value");
  }
  return at + length;
}

static const char *accept_number(judge *j, const char *at) {
  const char *end = json_number_end(at, j->end);
  bool begun = *at == '-' || (*at >= '0' && *at <= '9');
  return end != NULL ? end : refuse(j, at, begun ? "a number as JSON writes it" : "a JSON value");
}

static const char *accept_marked(judge *j, const char *at, int depth) {
  if (!j->judgement->marks) {
    return refuse(j, at, "a JSON value");
  }
  char mark = *at++;
  if (mark == JSON_MARK_EMPTY) {
    return at;
  }
  bool number = mark == JSON_MARK_NUMBER;
  if (at == j->end || (number ? *at != '-' && (*at < '0' || *at > '9') : *at != '[')) {
    return refuse(j, at, "what the mark announces");
  }
  return accept_value(j, at, depth);
}

static const char *accept_array(judge *j, const char *at, int depth) {
  at = json_skip_space(at + 1, j->end);
  if (at < j->end && *at == ']') {
    return at + 1;
  }
  for (;;) {
    at = accept_any(j, at, depth + 1);
    if (at == NULL) {
      return NULL;
    }
    at = json_skip_space(at, j->end);
    if (at < j->end && *at == ',') {
      at = json_skip_space(at + 1, j->end);
      continue;
    }
    return at < j->end && *at == ']' ? at + 1 : refuse(j, at, "',' or ']'");
  }
}

static bool keep(judge *j, json_members *members, json_member member) {
  return members == NULL || json_members_push(members, member) ||
         refuse(j, member.name.at, "out of memory") != NULL;
}

/* Nothing that could be part of a number or a word: what stands before it ended there. */
static bool is_boundary(char c) {
  return c == ',' || c == '}' || c == '\n' || c == ' ' || c == '\r' || c == '\t';
}

/* So many of the known do not stand here as they were. */
static bool pass(judge *j, size_t count) {
  json_members *gone = j->judgement->gone;
  for (size_t i = 0; gone != NULL && i < count; i++) {
    if (!json_members_push(gone, j->known.items[i])) {
      return refuse(j, j->text, "out of memory") != NULL;
    }
  }
  if (count > 0) {
    j->known = (json_member_list){j->known.items + count, j->known.count - count};
  }
  return true;
}

/* How many bytes, of `most`, are the same from the start on. */
static size_t common_length(const char *left, const char *right, size_t most) {
  enum { STRIDE = 256 };
  uint64_t a = 0;
  uint64_t b = 0;
  size_t at = 0;
  while (most - at >= STRIDE && memcmp(left + at, right + at, STRIDE) == 0) {
    at += STRIDE;
  }
  for (; most - at >= sizeof a; at += sizeof a) {
    memcpy(&a, left + at, sizeof a);
    memcpy(&b, right + at, sizeof b);
    if (a != b) {
      break;
    }
  }
  while (at < most && left[at] == right[at]) {
    at++;
  }
  return at;
}

static const char *end_of(const json_member *member) {
  return member->value.at + member->value.length;
}

/* How many of the known members, from the first one on, stand at `at` as they were accepted before, with what
 * was between them. */
static size_t count_known(const judge *j, const char *at) {
  const json_member *known = j->known.items;
  const char *from = known->name.at;
  size_t most = (size_t)(end_of(&known[j->known.count - 1]) - from);
  size_t left = (size_t)(j->end - at);
  size_t common = common_length(at, from, left < most ? left : most);
  size_t counted = 0;
  size_t beyond = j->known.count;
  while (counted < beyond) {
    size_t middle = counted + (beyond - counted) / 2;
    if ((size_t)(end_of(&known[middle]) - from) <= common) {
      counted = middle + 1;
    } else {
      beyond = middle;
    }
  }
  size_t end = counted > 0 ? (size_t)(end_of(&known[counted - 1]) - from) : 0;
  bool ends = end < left && is_boundary(at[end]);
  return counted > 0 && !ends ? counted - 1 : counted;
}

/* Takes them over: behind the last of them, or NULL when not even the first one is there. */
static const char *accept_known(judge *j, const char *name) {
  size_t count = count_known(j, name);
  const char *from = j->known.items->name.at;
  const char *end = NULL;
  for (size_t i = 0; i < count; i++) {
    json_member known = j->known.items[i];
    known.name.at = name + (known.name.at - from);
    known.value.at = name + (known.value.at - from);
    end = end_of(&known);
    if (!keep(j, j->judgement->members, known)) {
      return NULL;
    }
  }
  if (count > 0) {
    j->known = (json_member_list){j->known.items + count, j->known.count - count};
  }
  return end;
}

enum { KNOWN_AHEAD = 4 /* members that may be gone or new between two versions, without losing the place */ };

/* After a member that is not what it was: those of the known that come before it, and itself, are passed
 * over. */
static bool pass_known(judge *j, json_slice name) {
  for (size_t i = 0; i < j->known.count && i < KNOWN_AHEAD; i++) {
    const json_member *known = &j->known.items[i];
    if (known->name.length == name.length && memcmp(known->name.at, name.at, name.length) == 0) {
      return pass(j, i + 1);
    }
  }
  return true;
}

static const char *keep_fresh(judge *j, json_member member) {
  bool kept = pass_known(j, member.name) && keep(j, j->judgement->members, member) &&
              keep(j, j->judgement->fresh, member);
  return kept ? end_of(&member) : NULL;
}

/* The next one that was written, with the same bytes: behind it, or NULL when it is not there. */
static const char *accept_written(judge *j, const char *name) {
  json_member member = j->written.items[0];
  size_t length = (size_t)(end_of(&member) - member.name.at);
  if ((size_t)(j->end - name) <= length || !is_boundary(name[length]) ||
      memcmp(name, member.name.at, length) != 0) {
    return NULL;
  }
  member.value.at = name + (member.value.at - member.name.at);
  member.name.at = name;
  j->written = (json_member_list){j->written.items + 1, j->written.count - 1};
  return keep_fresh(j, member);
}

static const char *accept_new_member(judge *j, const char *name, int depth) {
  if (name == j->end || *name != '"') {
    return refuse(j, name, "a member's name in quotes");
  }
  const char *name_end = accept_string(j, name);
  if (name_end == NULL) {
    return NULL;
  }
  const char *colon = json_skip_space(name_end, j->end);
  if (colon == j->end || *colon != ':') {
    return refuse(j, colon, "':' after a member's name");
  }
  const char *value = json_skip_space(colon + 1, j->end);
  const char *value_end = accept_any(j, value, depth + 1);
  if (value_end == NULL || depth > 0) {
    return value_end;
  }
  return keep_fresh(j,
                    (json_member){{name, (size_t)(name_end - name)}, {value, (size_t)(value_end - value)}});
}

static const char *accept_member(judge *j, const char *name, int depth) {
  const char *end = depth == 0 && j->known.count > 0 ? accept_known(j, name) : NULL;
  if (end == NULL && depth == 0 && j->written.count > 0) {
    end = accept_written(j, name);
  }
  return end != NULL ? end : accept_new_member(j, name, depth);
}

static const char *accept_object(judge *j, const char *at, int depth) {
  at = json_skip_space(at + 1, j->end);
  if (at < j->end && *at == '}') {
    return at + 1;
  }
  for (;;) {
    at = accept_member(j, at, depth);
    if (at == NULL) {
      return NULL;
    }
    at = json_skip_space(at, j->end);
    if (at < j->end && *at == ',') {
      at = json_skip_space(at + 1, j->end);
      continue;
    }
    return at < j->end && *at == '}' ? at + 1 : refuse(j, at, "',' or '}'");
  }
}

static const char *accept_value(judge *j, const char *at, int depth) {
  if (at == j->end) {
    return refuse(j, at, "a JSON value");
  }
  switch (*at) {
  case '"':
    return accept_string(j, at);
  case '{':
  case '[':
    if (depth >= JSON_MAX_DEPTH) {
      return refuse(j, at, "at most 64 objects and arrays inside each other");
    }
    return *at == '{' ? accept_object(j, at, depth) : accept_array(j, at, depth);
  case 't':
    return accept_word(j, at, "true");
  case 'f':
    return accept_word(j, at, "false");
  case 'n':
    return accept_word(j, at, "null");
  case JSON_MARK_EMPTY:
  case JSON_MARK_NUMBER:
  case JSON_MARK_ADD:
  case JSON_MARK_REMOVE:
    return accept_marked(j, at, depth);
  default:
    return accept_number(j, at);
  }
}

bool json_judge(const char *text, size_t length, json_judgement *judgement, json_fault *fault) {
  judge j = {.text = text,
             .end = text + length,
             .judgement = judgement,
             .fault = fault,
             .known = judgement->known,
             .written = judgement->written};
  judgement->lone_surrogates = false;
  if (length > JSON_MAX_LENGTH) {
    return refuse(&j, text + JSON_MAX_LENGTH, "at most 1 GiB of JSON") != NULL;
  }
  const char *start = json_skip_space(text, j.end);
  const char *value_end = accept_value(&j, start, 0);
  if (value_end == NULL) {
    return false;
  }
  judgement->value = (json_slice){start, (size_t)(value_end - start)};
  if (!pass(&j, j.known.count)) {
    return false;
  }
  const char *rest = json_skip_space(value_end, j.end);
  return rest == j.end || refuse(&j, rest, "nothing after the JSON value") != NULL;
}
