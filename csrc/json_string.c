/* Strings of JSON text: what they read as, and how bytes are written as one. */
#include "json.h"
#include "json_number.h"

#include <stdio.h>
#include <string.h>

size_t json_utf8_length(const char *text, const char *end) {
  const unsigned char *at = (const unsigned char *)text;
  size_t room = (size_t)(end - text);
  if (room == 0 || at[0] < 0x80) {
    return room == 0 ? 0 : 1;
  }
  size_t length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
  if (at[0] < 0xC2 || at[0] > 0xF4 || room < length) {
    return 0;
  }
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80) {
      return 0;
    }
  }
  /* Over-long forms, surrogates and what lies beyond U+10FFFF. */
  bool wrong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
               (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F);
  return wrong ? 0 : length;
}

/* Reads a string one character at a time, as its UTF-8 bytes. */
typedef struct reader {
  const char *at;
  const char *end; /* the closing quote */
  bool replaces;   /* half a surrogate pair reads as U+FFFD */
  unsigned char bytes[4];
  size_t next;
  size_t count;
} reader;

static reader read_string(json_slice string) {
  return (reader){.at = string.at + 1, .end = string.at + string.length - 1};
}

/* As Lua has it. */
static reader read_value(json_slice string) {
  reader r = read_string(string);
  r.replaces = true;
  return r;
}

static unsigned hex4(const char *at) {
  unsigned unit = 0;
  for (int i = 0; i < 4; i++) {
    unsigned char c = (unsigned char)at[i];
    unit = unit * 16 + (c <= '9' ? c - 48u : (c | 0x20u) - 87u);
  }
  return unit;
}

/* `r->at` is behind "\u". A lone surrogate becomes the three bytes its number would have, or U+FFFD. */
static void read_unicode_escape(reader *r) {
  unsigned code = hex4(r->at);
  r->at += 4;
  if (code >= 0xD800 && code < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
    unsigned low = hex4(r->at + 2);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      r->at += 6;
    }
  }
  if (r->replaces && code >= 0xD800 && code <= 0xDFFF) {
    code = 0xFFFD;
  }
  r->next = 0;
  if (code < 0x80) {
    r->bytes[0] = (unsigned char)code;
    r->count = 1;
    return;
  }
  r->count = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = r->count - 1; i > 0; i--) {
    r->bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
    code >>= 6;
  }
  r->bytes[0] = (unsigned char)((0xF00u >> r->count & 0xF0u) | code);
}

/* The next byte of what the string reads as, or -1 at its end. */
static int next_byte(reader *r) {
  static const char simple[] = "b\bf\fn\nr\rt\t";
  if (r->next < r->count) {
    return r->bytes[r->next++];
  }
  if (r->at == r->end) {
    return -1;
  }
  unsigned char c = (unsigned char)*r->at++;
  if (c != '\\') {
    return c;
  }
  c = (unsigned char)*r->at++;
  if (c == 'u') {
    read_unicode_escape(r);
    return r->bytes[r->next++];
  }
  for (const char *pair = simple; *pair != '\0'; pair += 2) {
    if (c == (unsigned char)*pair) {
      return (unsigned char)pair[1];
    }
  }
  return c;
}

static bool is_plain(json_slice string) {
  return memchr(string.at, '\\', string.length) == NULL;
}

/* Strings part after a few characters, or are one and the same. */
static int compare(reader x, reader y) {
  for (;;) {
    int p = next_byte(&x);
    int q = next_byte(&y);
    if (p != q || p < 0) {
      return p - q;
    }
  }
}

static bool same_bytes(json_slice a, json_slice b) {
  return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

int json_compare_strings(json_slice a, json_slice b) {
  return same_bytes(a, b) ? 0 : compare(read_string(a), read_string(b));
}

bool json_reads_as(json_slice a, json_slice b) {
  return same_bytes(a, b) || compare(read_value(a), read_value(b)) == 0;
}

bool json_string_is(json_slice string, const char *bytes, size_t length) {
  if (string.length == length + 2 && memcmp(string.at + 1, bytes, length) == 0) {
    return memchr(bytes, '\\', length) == NULL;
  }
  if (string.length <= length + 2 || is_plain(string)) {
    return false; /* an escape only ever makes a string's text longer */
  }
  reader r = read_string(string);
  for (size_t i = 0; i < length; i++) {
    if (next_byte(&r) != (unsigned char)bytes[i]) {
      return false;
    }
  }
  return next_byte(&r) < 0;
}

bool json_string_is_token(json_slice string, const char *token, size_t length) {
  reader r = read_string(string);
  for (size_t i = 0; i < length; i++) {
    char c = token[i];
    if (c == '~' && i + 1 < length) {
      c = token[++i] == '1' ? '/' : '~';
    }
    if (next_byte(&r) != (unsigned char)c) {
      return false;
    }
  }
  return next_byte(&r) < 0;
}

bool json_string_has(json_slice string, const char *bytes, size_t length) {
  unsigned char window[32];
  size_t held = 0;
  reader r = read_string(string);
  for (int c = next_byte(&r); c >= 0; c = next_byte(&r)) {
    if (held == length) {
      memmove(window, window + 1, --held);
    }
    window[held++] = (unsigned char)c;
    if (held == length && memcmp(window, bytes, length) == 0) {
      return true;
    }
  }
  return false;
}

uint64_t json_string_hash(json_slice string) {
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  reader r = read_value(string);
  for (int c = next_byte(&r); c >= 0; c = next_byte(&r)) {
    hash = (hash ^ (uint64_t)c) * 0x100000001b3u;
  }
  return hash;
}

/* The bytes of the one escape that begins at `r->at`. */
static void append_escape(reader *r, buffer *out) {
  buffer_append_byte(out, (char)next_byte(r));
  while (r->next < r->count) {
    buffer_append_byte(out, (char)r->bytes[r->next++]);
  }
}

bool json_unescape(json_slice string, buffer *out) {
  reader r = read_string(string);
  while (r.at < r.end) {
    const char *escape = memchr(r.at, '\\', (size_t)(r.end - r.at));
    const char *plain_end = escape != NULL ? escape : r.end;
    buffer_append(out, r.at, (size_t)(plain_end - r.at));
    r.at = plain_end;
    if (escape != NULL) {
      append_escape(&r, out);
    }
  }
  return !out->failed;
}

static bool append_escaped(buffer *out, unsigned char c) {
  static const char simple[] = "\"\"\\\\\bb\ff\nn\rr\tt";
  for (const char *pair = simple; *pair != '\0'; pair += 2) {
    if (c == (unsigned char)*pair) {
      return buffer_append_byte(out, '\\') && buffer_append_byte(out, pair[1]);
    }
  }
  char unicode[8];
  int length = snprintf(unicode, sizeof unicode, "\\u%04x", (unsigned)c);
  return buffer_append(out, unicode, (size_t)length);
}

/* Half a surrogate pair as json_unescape() gives it: ED A0 80 to ED BF BF, which is no UTF-8. */
static bool is_surrogate(const char *at, size_t room) {
  return room >= 3 && (unsigned char)at[0] == 0xED && (unsigned char)at[1] >= 0xA0;
}

static bool append_surrogate(buffer *out, const char *at) {
  unsigned code = 0xD000u | ((unsigned char)at[1] & 0x3Fu) << 6 | ((unsigned char)at[2] & 0x3Fu);
  char unicode[8];
  int length = snprintf(unicode, sizeof unicode, "\\u%04x", code);
  return buffer_append(out, unicode, (size_t)length);
}

bool json_append_string(buffer *out, const char *bytes, size_t length) {
  buffer_append_byte(out, '"');
  size_t start = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)bytes[i];
    bool surrogate = is_surrogate(bytes + i, length - i);
    if (c >= ' ' && c != '"' && c != '\\' && c != 0x7F && !surrogate) {
      continue;
    }
    buffer_append(out, bytes + start, i - start);
    if (surrogate) {
      append_surrogate(out, bytes + i);
      i += 2;
    } else {
      append_escaped(out, c);
    }
    start = i + 1;
  }
  if (start < length) {
    buffer_append(out, bytes + start, length - start);
  }
  return buffer_append_byte(out, '"') && !out->failed;
}

/* Half a surrogate pair is no character, and a reader of documents decides what it reads as. */
static bool has_surrogates(json_slice string) {
  const char *end = string.at + string.length;
  for (const char *at = string.at; (at = memchr(at, '\\', (size_t)(end - at))) != NULL; at += 2) {
    if (at[1] == 'u' && (at[2] | 0x20) == 'd' && at[3] >= '8') {
      return true;
    }
  }
  return false;
}

bool json_is_scalar(json_slice value) {
  switch (*value.at) {
  case '"':
    return value.length >= 2 && !has_surrogates(value);
  case 't':
  case 'f':
  case 'n':
    return true;
  default:
    return json_is_number(value);
  }
}
