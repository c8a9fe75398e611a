#include "header_lines.h"

#include <string.h>

/* NUL ends a line here; in its place a newline is refused just as it would be. */
void header_lines_add(buffer *lines, const char *start, const char *value, size_t length) {
  buffer_append_text(lines, start);
  size_t at = lines->length;
  buffer_append(lines, value, length);
  for (char *nul; !lines->failed && (nul = memchr(lines->data + at, '\0', lines->length - at)) != NULL;) {
    *nul = '\n';
  }
  buffer_append_byte(lines, '\0');
}

void header_lines_give(const buffer *lines, http_exchange *exchange) {
  for (size_t at = 0; at < lines->length;) {
    const char *line = lines->data + at;
    size_t length = strlen(line);
    http_exchange_add_header(exchange, line, length);
    at += length + 1;
  }
}
