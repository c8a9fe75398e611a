#include "etag.h"

#include <string.h>

/* More layers of quotes than this are no slip of the pen. */
enum { QUOTES_MAX = 2 };

/* What is left to look at, from both ends. */
typedef struct span {
  const char *at;
  const char *end;
} span;

static size_t span_length(span s) {
  return (size_t)(s.end - s.at);
}

static bool is_space(char byte) {
  return byte == ' ' || byte == '\t';
}

static bool is_control(char byte) {
  return (unsigned char)byte < 0x20 || byte == 0x7F;
}

static span trim(span s) {
  while (s.at < s.end && is_space(*s.at)) {
    s.at++;
  }
  while (s.at < s.end && is_space(s.end[-1])) {
    s.end--;
  }
  return s;
}

static bool take_weak(span *s) {
  if (span_length(*s) < 2 || s->at[0] != 'W' || s->at[1] != '/') {
    return false;
  }
  s->at += 2;
  return true;
}

/* The length of the quote that `s` starts with, escaped or not; 0 for none. */
static size_t quote_at_start(span s) {
  if (span_length(s) >= 1 && s.at[0] == '"') {
    return 1;
  }
  return span_length(s) >= 2 && s.at[0] == '\\' && s.at[1] == '"' ? 2 : 0;
}

static bool ends_with_quote(span s, size_t quote) {
  return span_length(s) >= quote && s.end[-1] == '"' && (quote == 1 || s.end[-2] == '\\');
}

/* Is it "..." with no quote inside? */
static bool is_quoted(span s) {
  return span_length(s) >= 2 && s.at[0] == '"' && memchr(s.at + 1, '"', span_length(s) - 1) == s.end - 1;
}

/*
 * Takes off the quotes, each with its mirror image at the other end, and the weakness sign, which may stand
 * before any of them: "W/\"abc\"" is a weak tag as JSON writes it. False when a quote has no partner.
 */
static bool peel(span *s, bool *weak) {
  *weak = take_weak(s);
  for (int layer = 0; layer < QUOTES_MAX; layer++) {
    size_t quote = quote_at_start(*s);
    if (quote == 0) {
      break;
    }
    if (span_length(*s) < 2 * quote || !ends_with_quote(*s, quote)) {
      return false;
    }
    s->at += quote;
    s->end -= quote;
    span inner = *s;
    if (!*weak && take_weak(&inner) && quote_at_start(inner) > 0) {
      *weak = true;
      *s = inner;
    }
  }
  return true;
}

/* The tag's own characters: RFC 9110 allows any byte above the space but the quote and DEL. */
static etag_status check_opaque(span s) {
  if (s.at == s.end) {
    return ETAG_EMPTY;
  }
  if (memchr(s.at, '"', span_length(s)) != NULL) {
    return ETAG_UNBALANCED;
  }
  return memchr(s.at, ' ', span_length(s)) != NULL ? ETAG_SPACE : ETAG_OK;
}

static void put(etag_value *value, const char *bytes, size_t length) {
  memcpy(value->bytes + value->length, bytes, length);
  value->length += length;
}

static void write_value(etag_value *value, bool weak, span opaque) {
  value->length = 0;
  if (weak) {
    put(value, "W/", 2);
  }
  put(value, "\"", 1);
  put(value, opaque.at, span_length(opaque));
  put(value, "\"", 1);
}

/* A comma is legal inside the quotes of one tag; anywhere else it stands between two. */
static bool is_list(span s) {
  (void)take_weak(&s);
  return !is_quoted(s) && memchr(s.at, ',', span_length(s)) != NULL;
}

static etag_status check_text(span s) {
  for (const char *at = s.at; at < s.end; at++) {
    if (is_control(*at)) {
      return ETAG_CONTROL;
    }
  }
  if (s.at == s.end) {
    return ETAG_EMPTY;
  }
  if (span_length(s) == 1 && *s.at == '*') {
    return ETAG_ANY;
  }
  return is_list(s) ? ETAG_LIST : ETAG_OK;
}

etag_status etag_normalise(const char *text, size_t length, etag_value *value) {
  if (length > ETAG_TEXT_MAX) {
    return ETAG_TOO_LONG;
  }
  span s = trim((span){text, text + length});
  etag_status status = check_text(s);
  if (status != ETAG_OK) {
    return status;
  }
  bool weak = false;
  if (is_quoted(s)) {
    s = (span){s.at + 1, s.end - 1};
  } else if (!peel(&s, &weak)) {
    return ETAG_UNBALANCED;
  }
  status = check_opaque(s);
  if (status == ETAG_OK) {
    write_value(value, weak, s);
  }
  return status;
}

const char *etag_explain(etag_status status) {
  switch (status) {
  case ETAG_OK:
    return NULL;
  case ETAG_EMPTY:
    return "the entity tag is empty: expected the referral's eTag, such as \"abc\" with its quotes";
  case ETAG_ANY:
    return "* is not an entity tag: expected the eTag of the one version that may be changed";
  case ETAG_LIST:
    return "a list of entity tags: expected the eTag of one version";
  case ETAG_UNBALANCED:
    return "the entity tag's quotes do not match: expected one pair around it, as in \"abc\"";
  case ETAG_CONTROL:
    return "a control character in the entity tag: expected visible characters only";
  case ETAG_SPACE:
    return "a space in the entity tag: expected visible characters only";
  case ETAG_TOO_LONG:
    return "the entity tag is too long: expected at most 1024 bytes";
  }
  return NULL;
}

bool etag_equal(const char *a, size_t a_length, const char *b, size_t b_length) {
  etag_value first;
  etag_value second;
  if (etag_normalise(a, a_length, &first) != ETAG_OK || etag_normalise(b, b_length, &second) != ETAG_OK) {
    return false;
  }
  return first.bytes[0] == '"' && first.length == second.length &&
         memcmp(first.bytes, second.bytes, first.length) == 0;
}
