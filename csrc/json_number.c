#include "json_number.h"

#include "json_scan.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  EXACT_DIGITS = 15, /* a whole number of so many digits is exact in a double */
  EXACT_POWER = 22,  /* and so is 10 to this power */
  LONG_NUMBER = 1024 /* of the digits beyond these only matters whether there are any */
};

/* Exponents are cut here: beyond what can be written out as digits, far from overflow. */
static const long long FARTHEST = 1000000000000000;

static const char *digits_end(const char *at, const char *end) {
  while (at < end && json_is_digit(*at)) {
    at++;
  }
  return at;
}

const char *json_number_end(const char *at, const char *end) {
  if (at < end && *at == '-') {
    at++;
  }
  if (at == end || !json_is_digit(*at)) {
    return NULL;
  }
  at = *at == '0' ? at + 1 : digits_end(at, end);
  if (at < end && *at == '.') {
    const char *fraction = at + 1;
    at = digits_end(fraction, end);
    if (at == fraction) {
      return NULL;
    }
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    const char *exponent = at + 1;
    if (exponent < end && (*exponent == '+' || *exponent == '-')) {
      exponent++;
    }
    at = digits_end(exponent, end);
    if (at == exponent) {
      return NULL;
    }
  }
  return at;
}

bool json_is_number(json_slice text) {
  return json_number_end(text.at, text.at + text.length) == text.at + text.length;
}

/* A number as sign, significant digits (a point may stand among them) and the power of ten of the last digit.
 */
typedef struct decimal {
  bool negative;
  const char *first; /* the first significant digit; equal to `end` for zero */
  const char *end;   /* after the last significant digit */
  size_t digits;
  long long exponent;
} decimal;

static long long read_exponent(const char *at, const char *end) {
  bool negative = *at == '-';
  if (*at == '-' || *at == '+') {
    at++;
  }
  long long exponent = 0;
  for (; at < end; at++) {
    exponent = exponent < FARTHEST ? exponent * 10 + (*at - '0') : FARTHEST;
  }
  return negative ? -exponent : exponent;
}

static decimal take_apart(json_slice number) {
  const char *at = number.at;
  const char *end = at + number.length;
  decimal d = {.negative = *at == '-'};
  if (d.negative) {
    at++;
  }
  bool after_point = false;
  d.first = d.end = at;
  for (; at < end && *at != 'e' && *at != 'E'; at++) {
    if (*at == '.') {
      after_point = true;
      continue;
    }
    d.exponent += after_point ? -1 : 0;
    if (*at != '0') {
      d.first = d.digits == 0 ? at : d.first;
      d.end = at + 1;
    }
    d.digits += d.digits > 0 || *at != '0' ? 1 : 0;
  }
  for (const char *zero = at; d.digits > 0 && zero > d.end; zero--) {
    if (zero[-1] == '0') {
      d.exponent++;
      d.digits--;
    }
  }
  if (at < end) {
    d.exponent += read_exponent(at + 1, end);
  }
  return d;
}

/* Nearly all numbers are whole and short, so that a double has them exactly. */
static bool read_short(json_slice number, double *value) {
  const char *end = number.at + number.length;
  bool negative = *number.at == '-';
  const char *first = number.at + (negative ? 1 : 0);
  if (end - first > EXACT_DIGITS || digits_end(first, end) != end) {
    return false;
  }
  long long whole = 0;
  for (const char *at = first; at < end; at++) {
    whole = whole * 10 + (*at - '0');
  }
  *value = negative ? -(double)whole : (double)whole;
  return true;
}

bool json_same_decimal(json_slice a, json_slice b) {
  double left = 0;
  double right = 0;
  if (a.length == b.length && memcmp(a.at, b.at, a.length) == 0) {
    return true;
  }
  if (read_short(a, &left) && read_short(b, &right)) {
    return left >= right && left <= right;
  }
  decimal x = take_apart(a);
  decimal y = take_apart(b);
  if (x.digits == 0 || y.digits == 0) {
    return x.digits == y.digits;
  }
  if (x.negative != y.negative || x.digits != y.digits || x.exponent != y.exponent) {
    return false;
  }
  const char *p = x.first;
  for (const char *q = y.first; q < y.end; p++, q++) {
    p += *p == '.' ? 1 : 0;
    q += *q == '.' ? 1 : 0;
    if (*p != *q) {
      return false;
    }
  }
  return true;
}

/* Digits and an exponent, without a point: strtod would want the locale's. */
static double read_digits(decimal d) {
  char text[LONG_NUMBER + 32];
  size_t length = 0;
  size_t kept = 0;
  if (d.negative) {
    text[length++] = '-';
  }
  for (const char *at = d.first; at < d.end && kept < LONG_NUMBER; at++) {
    if (*at != '.') {
      text[length++] = *at;
      kept++;
    }
  }
  if (kept < d.digits) { /* one for all the others, or it could be taken for the middle between two doubles */
    text[length++] = '1';
    kept++;
  }
  snprintf(text + length, sizeof text - length, "e%lld", d.exponent + (long long)(d.digits - kept));
  return strtod(text, NULL);
}

double json_to_double(json_slice number) {
  static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  double value = 0;
  if (read_short(number, &value)) {
    return value;
  }
  decimal d = take_apart(number);
  if (d.digits == 0) {
    return d.negative ? -0.0 : 0.0;
  }
  if (d.digits > EXACT_DIGITS || d.exponent < -EXACT_POWER || d.exponent > EXACT_POWER) {
    return read_digits(d);
  }
  for (const char *at = d.first; at < d.end; at++) {
    value = *at == '.' ? value : value * 10 + (*at - '0');
  }
  value = d.exponent < 0 ? value / power[-d.exponent] : value * power[d.exponent];
  return d.negative ? -value : value;
}

size_t json_print_integer(long long number, char *out) {
  char digits[JSON_NUMBER_ROOM];
  size_t count = 0;
  size_t length = 0;
  unsigned long long rest = number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
  do {
    digits[count++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) {
    out[length++] = '-';
  }
  while (count > 0) {
    out[length++] = digits[--count];
  }
  return length;
}

static size_t to_json_point(char *text, size_t length) {
  const char *point = localeconv()->decimal_point;
  char *found = strcmp(point, ".") == 0 ? NULL : strstr(text, point);
  if (found == NULL) {
    return length;
  }
  size_t width = strlen(point);
  *found = '.';
  memmove(found + 1, found + width, length - (size_t)(found - text) - width + 1);
  return length - width + 1;
}

size_t json_print_double(double number, char *out) {
  int length = 0;
  if (number == floor(number) && fabs(number) < 9007199254740992.0) {
    size_t sign = signbit(number) && number >= 0 ? 1 : 0; /* of a negative zero */
    out[0] = '-';
    return sign + json_print_integer((long long)number, out + sign);
  }
  for (int digits = 15; digits <= 17; digits++) {
    length = snprintf(out, JSON_NUMBER_ROOM, "%.*g", digits, number);
    if (strtod(out, NULL) == number) {
      break;
    }
  }
  return to_json_point(out, (size_t)length);
}
