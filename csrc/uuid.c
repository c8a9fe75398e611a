#include "uuid.h"

enum { UUID_BYTES = 16 };

bool uuid_next(uuid_pool *pool, char text[UUID_TEXT_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  unsigned char *bytes = random_take(pool, UUID_BYTES);
  if (bytes == NULL) {
    return false;
  }
  bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
  bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
  for (int i = 0; i < UUID_BYTES; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      *text++ = '-';
    }
    *text++ = digits[bytes[i] >> 4];
    *text++ = digits[bytes[i] & 0x0f];
  }
  *text = '\0';
  return true;
}
