/* libFuzzer: any bytes to the judge; whatever it accepts must hold together for everything that reads it. */
#include "../../csrc/annotation.h"
#include "../../csrc/json_equal.h"
#include "../../csrc/json_number.h"

#include "property.h"

#include <math.h>
#include <string.h>

/* Walks every value, and says that each ends where skipping it ends. */
static void walk(json_slice value) {
  HOLDS(json_skip(value.at, value.at + value.length) == value.at + value.length);
  json_cursor cursor = {NULL, NULL};
  json_member member;
  json_slice element;
  if (*value.at == '{') {
    for (cursor = json_enter(value); json_next_member(&cursor, &member);) {
      walk(member.name);
      walk(member.value);
    }
    HOLDS(*cursor.at == '}' && cursor.at + 1 == value.at + value.length);
  } else if (*value.at == '[') {
    for (cursor = json_enter(value); json_next_element(&cursor, &element);) {
      walk(element);
    }
    HOLDS(*cursor.at == ']' && cursor.at + 1 == value.at + value.length);
  }
}

/* What a string reads as, written again, is a string that reads the same. */
static void check_string(json_slice string) {
  buffer bytes;
  buffer text;
  buffer_init(&bytes, JSON_MAX_LENGTH);
  buffer_init(&text, JSON_MAX_LENGTH);
  HOLDS(json_unescape(string, &bytes));
  HOLDS(json_append_string(&text, bytes.data, bytes.length));
  json_slice again = {text.data, text.length};
  HOLDS(judged(again, false));
  HOLDS(json_compare_strings(string, again) == 0);
  HOLDS(json_string_hash(string) == json_string_hash(again));
  HOLDS(json_string_is(string, bytes.data != NULL ? bytes.data : "", bytes.length));
  bool half = bytes.length > 0 && (unsigned char)bytes.data[0] == 0xED; /* of a surrogate pair, perhaps */
  HOLDS(half || bytes.length == 0 || json_utf8_length(bytes.data, bytes.data + bytes.length) > 0);
  buffer_free(&bytes);
  buffer_free(&text);
}

/* A number that fits a double is written so that it reads back equal. */
static void check_number(json_slice number) {
  double value = json_to_double(number);
  char text[JSON_NUMBER_ROOM];
  HOLDS(json_is_number(number) && json_same_decimal(number, number));
  if (!isinf(value)) {
    json_slice again = {text, json_print_double(value, text)};
    HOLDS(json_is_number(again) && json_to_double(again) == value);
  }
}

static void check_stripped(json_slice value, bool escaped) {
  buffer once;
  buffer twice;
  buffer_init(&once, JSON_MAX_LENGTH);
  buffer_init(&twice, JSON_MAX_LENGTH);
  HOLDS(annotation_strip(value, &once));
  json_slice stripped = {once.data, once.length};
  HOLDS(judged(stripped, false));
  HOLDS(annotation_within(value, escaped) || once.length == value.length);
  HOLDS(annotation_strip(stripped, &twice));
  HOLDS(once.length == twice.length && memcmp(once.data, twice.data, once.length) == 0);
  buffer_free(&once);
  buffer_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  json_members members = {0};
  json_fault fault = {size + 1, NULL};
  json_judgement judgement = {.members = &members};
  char *text = exact_copy(data, size);
  if (!json_judge(text, size, &judgement, &fault)) {
    HOLDS(fault.what != NULL && fault.offset <= size);
  } else {
    json_slice value = judgement.value;
    json_members pool = {0};
    json_comparison loosely = {.pool = &pool};
    json_comparison strictly = {.pool = &pool, .strictly = true};
    walk(value);
    HOLDS(judged(value, true));
    HOLDS(json_equal(value, value, &loosely) && !loosely.failed);
    HOLDS(json_equal(value, value, &strictly) && !strictly.failed);
    check_stripped(value, judgement.unicode_escapes);
    if (*value.at == '"') {
      check_string(value);
    } else if (*value.at == '-' || (*value.at >= '0' && *value.at <= '9')) {
      check_number(value);
    }
    json_members_free(&pool);
  }
  json_members_free(&members);
  free(text);
  return 0;
}
