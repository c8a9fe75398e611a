/* JSON numbers as text: no digit is lost by reading them as something else. */
#ifndef REFERRALS_JSON_NUMBER_H
#define REFERRALS_JSON_NUMBER_H

#include "json.h"

#pragma GCC visibility push(hidden)

/* The end of the JSON number that begins at `at`, or NULL when none does. Reads no byte at or after `end`. */
const char *json_number_end(const char *at, const char *end);

/* Whether these bytes are a JSON number and nothing else. */
bool json_is_number(json_slice text);

/* The floating-point number nearest to a JSON number, whatever the locale. */
double json_to_double(json_slice number);

/* Whether two JSON numbers are the same decimal number: 50000.00 and 5e4 are. */
bool json_same_decimal(json_slice a, json_slice b);

/*
 * Writes a finite number so that it reads back equal, with as few digits as that takes; integral ones below
 * 2^53 without point or exponent. `out` has room for JSON_NUMBER_ROOM bytes; returns how many were written.
 */
enum { JSON_NUMBER_ROOM = 48 };
size_t json_print_double(double number, char *out);

/* The same for a whole number. */
size_t json_print_integer(long long number, char *out);

#pragma GCC visibility pop

#endif
