/* The innermost loop of whoever walks JSON text. */
#ifndef REFERRALS_JSON_SCAN_H
#define REFERRALS_JSON_SCAN_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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
  if (end - at > 16 && *at == '\n') {
    for (at++; end - at >= 16; at += 16) {
      __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
      unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(block, space)) ^ 0xFFFFu;
      if (mask != 0) {
        at += __builtin_ctz(mask);
        return (unsigned char)*at > ' ' ? at : json_skip_few(at, end);
      }
    }
  }
#endif
  return json_skip_few(at, end);
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
