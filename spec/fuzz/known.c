/* libFuzzer: two texts, apart by a NUL; what is read with the first one known, and with members of its own
 * that were written since, must be as it is read alone. */
#include "../../csrc/annotation.h"
#include "../../csrc/coverage.h"
#include "../../csrc/document_read.h"

#include "property.h"

#include <string.h>

static bool same_slice(json_slice a, json_slice b) {
  return a.at == b.at && a.length == b.length;
}

static bool is_plain(const document *d) {
  for (size_t i = 0; i < d->count; i++) {
    if (memchr(d->members[i].name.at, '\\', d->members[i].name.length) != NULL) {
      return false;
    }
  }
  return true;
}

/* The flags may only err on the side where more is looked at. */
static void check_flags(const document *with, const document *alone) {
  HOLDS(!with->plain_names || is_plain(alone));
  HOLDS(!with->unannotated || !annotation_within(alone->text, true));
  HOLDS(with->deeply_annotated || !alone->deeply_annotated);
}

/* What is not gone of the known members stands there with its bytes. */
static void check_gone(const document *known, const document *with, const json_members *gone) {
  size_t next = 0;
  for (size_t i = 0; i < known->count; i++) {
    const json_member *member = &known->members[i];
    if (next < gone->count && gone->items[next].name.at == member->name.at) {
      next++;
      continue;
    }
    bool there = false;
    for (size_t j = 0; j < with->count && !there; j++) {
      there = same_bytes(with->members[j].name, member->name) &&
              same_bytes(with->members[j].value, member->value);
    }
    HOLDS(there);
  }
  HOLDS(next == gone->count);
}

/* Of members with one name only the last counts, which a search from where the one before it stood need not
 * find: then less is found, and more is looked at. */
static bool has_unique_names(const document *d) {
  for (size_t i = 0; i < d->count; i++) {
    for (size_t j = i + 1; j < d->count; j++) {
      if (json_compare_strings(d->members[i].name, d->members[j].name) == 0) {
        return false;
      }
    }
  }
  return true;
}

static void check_coverage(const document *known, const document *with, const json_members *gone) {
  json_members pool = {0};
  document rest = *known;
  rest.members = gone->items;
  rest.count = gone->count;
  bool unique = has_unique_names(known) && has_unique_names(with);
  HOLDS(!unique || coverage_holds(with, &rest, &pool) == coverage_holds(with, known, &pool));
  json_members_free(&pool);
}

static void compare(document_earlier earlier, json_slice text, document_reading *reading,
                    document_reading *other) {
  const document *known = earlier.known;
  document with;
  document alone;
  json_fault fault = {0, NULL};
  json_fault expected = {0, NULL};
  bool accepted = document_read(reading, text, earlier, &with, &fault);
  HOLDS(document_read(other, text, (document_earlier){.known = NULL}, &alone, &expected) == accepted);
  if (!accepted) {
    HOLDS(fault.offset == expected.offset && strcmp(fault.what, expected.what) == 0);
    return;
  }
  HOLDS(same_slice(with.text, alone.text) && with.count == alone.count);
  for (size_t i = 0; i < alone.count; i++) {
    HOLDS(same_slice(with.members[i].name, alone.members[i].name));
    HOLDS(same_slice(with.members[i].value, alone.members[i].value));
  }
  check_flags(&with, &alone);
  check_gone(known, &with, &reading->gone);
  check_coverage(known, &with, &reading->gone);
}

/* Whatever was accepted may be said to have been written; the length says which members were. */
static void compare_written(document_earlier earlier, json_slice text, document_reading *reading,
                            document_reading *other, json_members *written) {
  document_reading own = {0};
  document d;
  json_fault fault = {0, NULL};
  if (document_read(&own, text, (document_earlier){.known = NULL}, &d, &fault)) {
    for (size_t i = 0; i < d.count; i++) {
      if ((text.length + i) % 3 != 0) {
        HOLDS(json_members_push(written, d.members[i]));
      }
    }
    earlier.written = (json_member_list){written->items, written->count};
    compare(earlier, text, reading, other);
  }
  document_reading_free(&own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *border = size > 0 ? memchr(data, 0, size) : NULL;
  if (border == NULL) {
    return 0;
  }
  size_t first = (size_t)(border - data);
  char *one = exact_copy(data, first);
  char *two = exact_copy(border + 1, size - first - 1);
  document_reading before = {0};
  document_reading with = {0};
  document_reading alone = {0};
  document known;
  json_fault fault = {0, NULL};
  json_members written = {0};
  document_earlier earlier = {.known = &known};
  if (document_read(&before, (json_slice){one, first}, (document_earlier){.known = NULL}, &known, &fault)) {
    compare(earlier, (json_slice){two, size - first - 1}, &with, &alone);
    compare(earlier, (json_slice){one, first}, &with, &alone);
    compare_written(earlier, (json_slice){two, size - first - 1}, &with, &alone, &written);
  }
  json_members_free(&written);
  document_reading_free(&before);
  document_reading_free(&with);
  document_reading_free(&alone);
  free(one);
  free(two);
  return 0;
}
