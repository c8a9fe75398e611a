/* Header lines of a request that is yet to be made, each ended by NUL. */
#ifndef REFERRALS_HEADER_LINES_H
#define REFERRALS_HEADER_LINES_H

#include "buffer.h"
#include "http.h"

#pragma GCC visibility push(hidden)

/* Adds a line: a text of ours and a value behind it. The buffer tells when there was no memory. */
void header_lines_add(buffer *lines, const char *start, const char *value, size_t length);

/* Adds all of them to an exchange, as http_exchange_add_header() has it. */
void header_lines_give(const buffer *lines, http_exchange *exchange);

#pragma GCC visibility pop

#endif
