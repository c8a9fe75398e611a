/* The texts of HTTP, judged and searched without a connection: URLs, header lines, header blocks. */
#ifndef REFERRALS_HTTP_TEXT_H
#define REFERRALS_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

enum { HTTP_URL_MAX = 16384 /* bytes of a URL */ };

typedef struct http_url {
  bool secure;   /* https */
  bool loopback; /* 127.0.0.0/8, [::1] or localhost */
} http_url;

/*
 * NULL when `text` may be asked, else one static line that says what is wrong. https is required except
 * for loopback; `*url` tells both. Taken is only the plain
 * form scheme://host[:port][/path][?query]: no user name, no white space, no control character, no
 * backslash and nothing beyond ASCII, so that no other reader of the URL sees another host in it.
 */
const char *http_url_refusal(const char *text, size_t length, http_url *url);

/* Whether a text is of unreserved characters alone (RFC 3986, 2.3), and not empty. */
bool http_is_unreserved(const char *text, size_t length);

/* NULL for a value without CR, LF and NUL; else one static line that says what is wrong. */
const char *http_header_value_refusal(const char *value, size_t length);

/* NULL for a "Name: value" line without CR, LF and NUL; else one static line that says what is wrong. */
const char *http_header_refusal(const char *line, size_t length);

/*
 * The value of the last header of that name (compared without case) in a block of CRLF- or LF-separated
 * lines, white space around it removed; points into the block. False when there is none.
 */
bool http_header_find(const char *block, size_t length, const char *name, size_t name_length,
                      const char **value, size_t *value_length);

#pragma GCC visibility pop

#endif
