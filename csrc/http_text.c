#include "http_text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef struct span {
  const char *at;
  const char *end;
} span;

/* ASCII only: the C library's own functions ask the locale. */
static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
  return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool same_text(const char *a, const char *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) {
      return false;
    }
  }
  return true;
}

static bool span_is(span s, const char *text) {
  size_t length = strlen(text);
  return (size_t)(s.end - s.at) == length && same_text(s.at, text, length);
}

static bool skip_prefix(span *s, const char *prefix) {
  size_t length = strlen(prefix);
  if ((size_t)(s->end - s->at) < length || !same_text(s->at, prefix, length)) {
    return false;
  }
  s->at += length;
  return true;
}

/* 0 to `most`, without sign, not empty, at most five digits; moves past it. */
static bool skip_number(span *s, long most) {
  const char *start = s->at;
  long value = 0;
  while (s->at < s->end && is_digit(*s->at) && s->at - start < 5) {
    value = value * 10 + (*s->at++ - '0');
  }
  return s->at > start && value <= most;
}

static bool begins_with_zero(span s) {
  return s.end - s.at > 1 && s.at[0] == '0' && is_digit(s.at[1]);
}

/* Exactly four decimal numbers: the short, octal and hexadecimal forms are nobody's loopback here, and what
 * looks like one of them may be a name that anybody answers to. */
static bool is_loopback_v4(span host) {
  if (!skip_prefix(&host, "127.")) {
    return false;
  }
  for (int part = 0; part < 3; part++) {
    if ((part > 0 && !skip_prefix(&host, ".")) || begins_with_zero(host) || !skip_number(&host, 255)) {
      return false;
    }
  }
  return host.at == host.end;
}

static bool is_loopback(span host) {
  return span_is(host, "localhost") || span_is(host, "[::1]") || is_loopback_v4(host);
}

bool http_is_unreserved(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    char c = text[i];
    if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_' && c != '~') {
      return false;
    }
  }
  return length > 0;
}

static bool is_name_char(char c) {
  return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool is_address_char(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
}

/* Moves past the host; false when it is none. */
static bool skip_host(span *s) {
  const char *start = s->at;
  if (!skip_prefix(s, "[")) {
    while (s->at < s->end && is_name_char(*s->at)) {
      s->at++;
    }
    return s->at > start;
  }
  while (s->at < s->end && is_address_char(*s->at)) {
    s->at++;
  }
  return s->at > start + 1 && skip_prefix(s, "]");
}

static bool is_visible_char(char c) {
  return c > ' ' && c < 0x7f && c != '\\';
}

static bool is_visible(span s) {
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' ');
  const __m128i del = _mm_set1_epi8(0x7f);
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; s.end - s.at >= 16; s.at += 16) {
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)s.at);
    /* Signed: bytes from 0x80 up are negative, so not above the space. */
    __m128i wrong = _mm_or_si128(_mm_cmpeq_epi8(block, del), _mm_cmpeq_epi8(block, backslash));
    int right = _mm_movemask_epi8(_mm_andnot_si128(wrong, _mm_cmpgt_epi8(block, space)));
    if (right != 0xFFFF) {
      return false;
    }
  }
#endif
  while (s.at < s.end && is_visible_char(*s.at)) {
    s.at++;
  }
  return s.at == s.end;
}

const char *http_url_refusal(const char *text, size_t length, http_url *url) {
  *url = (http_url){0};
  span rest = {text, text + length};
  if (length > HTTP_URL_MAX) {
    return "the URL is longer than 16384 bytes";
  }
  if (!is_visible(rest)) {
    return "the URL has white space, a control character, a backslash or a byte beyond ASCII in it";
  }
  url->secure = skip_prefix(&rest, "https://");
  if (!url->secure && !skip_prefix(&rest, "http://")) {
    return "the URL does not begin with https://";
  }
  span host = {rest.at, rest.at};
  if (!skip_host(&rest)) {
    return "the URL has no host";
  }
  host.end = rest.at;
  if (skip_prefix(&rest, ":") && !skip_number(&rest, 65535)) {
    return "the URL's port is not a number up to 65535";
  }
  if (rest.at < rest.end && *rest.at != '/' && *rest.at != '?') {
    return "the URL has something after its host that does not belong there (a user name is not taken)";
  }
  url->loopback = is_loopback(host);
  return url->secure || url->loopback ? NULL
                                      : "https is required: plain http is taken only for loopback addresses";
}

static bool is_token_char(char c) {
  return is_letter(c) || is_digit(c) || (c > ' ' && c < 0x7f && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Three searches of the C library are several times cheaper than one loop over a long token. */
const char *http_header_value_refusal(const char *value, size_t length) {
  if (memchr(value, '\n', length) != NULL || memchr(value, '\r', length) != NULL ||
      memchr(value, '\0', length) != NULL) {
    return "a header has CR, LF or NUL in it";
  }
  return NULL;
}

const char *http_header_refusal(const char *line, size_t length) {
  span rest = {line, line + length};
  while (rest.at < rest.end && is_token_char(*rest.at)) {
    rest.at++;
  }
  if (rest.at == line || rest.at == rest.end || *rest.at != ':') {
    return "a header is not of the form \"Name: value\"";
  }
  return http_header_value_refusal(rest.at, (size_t)(rest.end - rest.at));
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static span trimmed(span s) {
  while (s.at < s.end && is_blank(*s.at)) {
    s.at++;
  }
  while (s.at < s.end && is_blank(s.end[-1])) {
    s.end--;
  }
  return s;
}

bool http_header_find(const char *block, size_t length, const char *name, size_t name_length,
                      const char **value, size_t *value_length) {
  const char *end = block + length;
  bool found = false;
  while (block < end) {
    const char *line_end = memchr(block, '\n', (size_t)(end - block));
    line_end = line_end == NULL ? end : line_end;
    if ((size_t)(line_end - block) > name_length && block[name_length] == ':' &&
        same_text(block, name, name_length)) {
      span text = trimmed((span){block + name_length + 1, line_end});
      *value = text.at;
      *value_length = (size_t)(text.end - text.at);
      found = true;
    }
    block = line_end < end ? line_end + 1 : end;
  }
  return found;
}
