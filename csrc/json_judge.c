/* Judging: is this text JSON? One pass, nothing kept but the answer. */
#include "json_judge_internal.h"
#include "json_number.h"
#include "json_scan.h"

#include <string.h>

const char *judge_refuse(judge *j, const char *at, const char *what) {
  *j->fault = (json_fault){.offset = (size_t)(at - j->text), .what = what};
  return NULL;
}

#ifdef __SSE2__
/* A bit for each byte of a block that needs a look: quote, backslash, control character, or no ASCII. */
static inline unsigned special_bytes(const char *at) {
  __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
  __m128i quotes = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
  __m128i backslashes = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
  /* Signed: bytes from 0x80 up are negative, so below the space too; the difference keeps the sign. */
  __m128i others = _mm_subs_epi8(block, _mm_set1_epi8(' '));
  return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));
}
#endif

/* Past the bytes that need no look. */
static const char *skip_plain(const char *at, const char *end) {
#ifdef __SSE2__
  for (; json_has(at, end, JSON_BLOCK); at += JSON_BLOCK) {
    unsigned special = special_bytes(at);
    if (special != 0) {
      return at + __builtin_ctz(special);
    }
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
  j->judgement->unicode_escapes = true;
  if (!read_hex4(at, j->end, &unit)) {
    return judge_refuse(j, at, "four hexadecimal digits after \\u");
  }
  return at + 4; /* half a surrogate pair is no character, but JSON */
}

static const char *accept_escape(judge *j, const char *at) {
  j->escaped = true;
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
  return judge_refuse(j, at, "an escape that JSON knows after the backslash");
}

/* `at` is in a string; returns behind its closing quote. */
static const char *accept_rest(judge *j, const char *at) {
  while (at != NULL) {
    at = skip_plain(at, j->end);
    if (at == j->end) {
      return judge_refuse(j, at, "the end of a string");
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
      return judge_refuse(j, at, width == 0 ? "UTF-8 in a string" : "no bare control character in a string");
    }
    at += width;
  }
  return NULL;
}

/* `at` is at the opening quote; returns behind the closing one. Its own loop instead of skip_plain()'s: what
 * was found in a block needs no look at the bound, and half of all that is judged is strings. */
static inline const char *accept_string(judge *j, const char *at) {
  at++;
#ifdef __SSE2__
  for (; json_has(at, j->end, JSON_BLOCK); at += JSON_BLOCK) {
    unsigned special = special_bytes(at);
    if (special != 0) {
      at += __builtin_ctz(special);
      return *at == '"' ? at + 1 : accept_rest(j, at);
    }
  }
#endif
  return accept_rest(j, at);
}

/* Most values are strings, for which entering judge_value() costs as much as they do. */
static inline const char *accept_any(judge *j, const char *at, int depth) {
  return at < j->end && *at == '"' ? accept_string(j, at) : judge_value(j, at, depth);
}

static const char *accept_word(judge *j, const char *at, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(j->end - at) < length || memcmp(at, word, length) != 0) {
    return judge_refuse(j, at, "a JSON value");
  }
  return at + length;
}

static const char *accept_number(judge *j, const char *at) {
  const char *end = json_number_end(at, j->end);
  bool begun = *at == '-' || json_is_digit(*at);
  return end != NULL ? end : judge_refuse(j, at, begun ? "a number as JSON writes it" : "a JSON value");
}

/* May a value that begins like this stand behind a mark? */
static bool is_announced(char mark, char first) {
  switch (mark) {
  case JSON_MARK_NUMBER:
    return first == '-' || json_is_digit(first);
  case JSON_MARK_PLACE:
    return first == '{' || first == '[' || first == JSON_MARK_EMPTY;
  default:
    return first == '[';
  }
}

static const char *accept_marked(judge *j, const char *at, int depth) {
  if (!j->judgement->marks) {
    return judge_refuse(j, at, "a JSON value");
  }
  char mark = *at++;
  if (mark == JSON_MARK_EMPTY) {
    return at;
  }
  while (mark == JSON_MARK_PLACE && at < j->end && json_is_digit(*at)) {
    at++;
  }
  if (at == j->end || !is_announced(mark, *at)) {
    return judge_refuse(j, at, "what the mark announces");
  }
  return judge_value(j, at, depth);
}

static const char *accept_array(judge *j, const char *at, int depth) {
  at = json_skip_line(at + 1, j->end);
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
      at = json_skip_line(at + 1, j->end);
      continue;
    }
    return at < j->end && *at == ']' ? at + 1 : judge_refuse(j, at, "',' or ']'");
  }
}

/* `at` is at a member's name; returns behind it. */
static inline const char *accept_name(judge *j, const char *at, const char **value) {
  if (at == j->end || *at != '"') {
    return judge_refuse(j, at, "a member's name in quotes");
  }
  const char *name_end = accept_string(j, at);
  if (name_end == NULL) {
    return NULL;
  }
  *value = json_near_value(name_end, j->end);
  if (*value != NULL) {
    return name_end;
  }
  const char *colon = json_skip_space(name_end, j->end);
  if (colon == j->end || *colon != ':') {
    return judge_refuse(j, colon, "':' after a member's name");
  }
  *value = json_skip_space(colon + 1, j->end);
  return name_end;
}

const char *judge_name(judge *j, const char *name, const char **value) {
  return accept_name(j, name, value);
}

static const char *accept_object(judge *j, const char *at, int depth) {
  at = json_skip_line(at + 1, j->end);
  if (at < j->end && *at == '}') {
    return at + 1;
  }
  for (;;) {
    const char *value = NULL;
    if (accept_name(j, at, &value) == NULL || (at = accept_any(j, value, depth + 1)) == NULL) {
      return NULL;
    }
    at = json_skip_space(at, j->end);
    if (at < j->end && *at == ',') {
      at = json_skip_line(at + 1, j->end);
      continue;
    }
    return at < j->end && *at == '}' ? at + 1 : judge_refuse(j, at, "',' or '}'");
  }
}

const char *judge_value(judge *j, const char *at, int depth) {
  if (at == j->end) {
    return judge_refuse(j, at, "a JSON value");
  }
  switch (*at) {
  case '"':
    return accept_string(j, at);
  case '{':
  case '[':
    if (depth >= JSON_MAX_DEPTH) {
      return judge_refuse(j, at, "at most 64 objects and arrays inside each other");
    }
    if (*at == '[') {
      return accept_array(j, at, depth);
    }
    return depth == 0 ? judge_root(j, at) : accept_object(j, at, depth);
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
  case JSON_MARK_PLACE:
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
  judgement->unicode_escapes = judgement->escaped_names = false;
  if (length > JSON_MAX_LENGTH) {
    return judge_refuse(&j, text + JSON_MAX_LENGTH, "at most 1 GiB of JSON") != NULL;
  }
  const char *start = json_skip_space(text, j.end);
  const char *value_end = judge_value(&j, start, 0);
  if (value_end == NULL) {
    return false;
  }
  judgement->value = (json_slice){start, (size_t)(value_end - start)};
  if (!judge_pass_rest(&j)) {
    return false;
  }
  const char *rest = json_skip_space(value_end, j.end);
  return rest == j.end || judge_refuse(&j, rest, "nothing after the JSON value") != NULL;
}
