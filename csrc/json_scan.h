/* The innermost loop of whoever walks JSON text. */
#ifndef REFERRALS_JSON_SCAN_H
#define REFERRALS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { JSON_BLOCK = 16 };

/* May so many bytes be read at `at`? */
static inline bool json_has(const char *at, const char *end, size_t bytes) {
  return (uintptr_t)at + bytes <= (uintptr_t)end;
}

static inline bool json_is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Past what is left of white space. */
static inline const char *json_skip_few(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) {
    at++;
  }
  return at;
}

/* Past a line's end and the next one's indentation, if there is one; that is long and of spaces only. */
static inline const char *json_skip_line(const char *at, const char *end) {
#ifdef __SSE2__
  const __m128i space = _mm_set1_epi8(' ');
  if (json_has(at, end, JSON_BLOCK + 1) && *at == '\n') {
    at++;
    do {
      __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
      unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, space)) ^ 0xFFFFu;
      if (mask != 0) {
        at += __builtin_ctz(mask);
        return (unsigned char)*at > ' ' ? at : json_skip_few(at, end);
      }
      at += JSON_BLOCK;
    } while (json_has(at, end, JSON_BLOCK));
  }
#endif
  return json_skip_few(at, end);
}

/* From a colon to the value behind it, where at most a space is between them; otherwise NULL. */
static inline const char *json_near_value(const char *colon, const char *end) {
  if (!json_has(colon, end, 3) || *colon != ':') {
    return NULL;
  }
  const char *value = colon + 1 + (colon[1] == ' ' ? 1 : 0);
  return (unsigned char)*value > ' ' ? value : NULL;
}

/* Past white space, up to `end`. */
static inline const char *json_skip_space(const char *at, const char *end) {
  if (at < end && (unsigned char)*at > ' ') {
    return at;
  }
  if (end - at > 1 && *at == ' ' && (unsigned char)at[1] > ' ') {
    return at + 1; /* as behind a colon */
  }
  return json_skip_line(at, end);
}

#endif
