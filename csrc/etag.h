/* Entity tags: from the ways in which people come by one to the one right If-Match value. */
#ifndef REFERRALS_ETAG_H
#define REFERRALS_ETAG_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

enum {
  ETAG_TEXT_MAX = 1024,               /* bytes of a tag as it is handed in */
  ETAG_VALUE_SIZE = ETAG_TEXT_MAX + 2 /* room for any value: at most the quotes are added */
};

typedef enum etag_status {
  ETAG_OK,
  ETAG_EMPTY,      /* nothing, or nothing between the quotes */
  ETAG_ANY,        /* "*": any version, which is no version */
  ETAG_LIST,       /* several tags */
  ETAG_UNBALANCED, /* a quote without its partner, or one inside the tag */
  ETAG_CONTROL,    /* a control character: what would break the header line */
  ETAG_SPACE,      /* a space inside the tag */
  ETAG_TOO_LONG
} etag_status;

/* One tag, as it stands in a header. Not terminated by NUL. */
typedef struct etag_value {
  char bytes[ETAG_VALUE_SIZE];
  size_t length;
} etag_value;

/*
 * The If-Match value for the tag in `text`, which is any of
 *   "abc"  W/"abc"        as RFC 9110 8.8.3 has it: kept as it is, weak stays weak
 *   ""abc""               quotes doubled by a program that added its own
 *   \"abc\"  "\"abc\""    quotes escaped, copied out of JSON
 *   abc  W/abc            quotes lost
 * with white space around it. A backslash is a legal character of a tag: what is right already is never
 * changed. On anything but ETAG_OK, `value` is not to be read.
 */
etag_status etag_normalise(const char *text, size_t length, etag_value *value);

/* One line for people: what is wrong and what was expected. Static text; NULL for ETAG_OK. */
const char *etag_explain(etag_status status);

/* Strong comparison (RFC 9110 8.8.3.2) of two texts that etag_normalise() takes: weak equals nothing, nor
 * does what is no tag. */
bool etag_equal(const char *a, size_t a_length, const char *b, size_t b_length);

#pragma GCC visibility pop

#endif
