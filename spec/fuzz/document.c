/*
 * libFuzzer: a document, a NUL and a change. The next document is JSON, has all that the change does not
 * mention byte for byte, and asking for the same change once more finds nothing to do.
 */
#include "../../csrc/document.h"
#include "../../csrc/annotation.h"
#include "../../csrc/json_equal.h"

#include "property.h"

#include <string.h>

static const char prototype_text[] =
    "{\"a\":\"\",\"b\":0,\"c\":false,\"d\":[{\"a\":\"\",\"b\":0,\"d\":[0],\"e\":{\"b\":0}}],"
    "\"e\":{\"a\":\"\",\"b\":0,\"d\":[\"\"],\"e\":{\"b\":0}},\"f\":[\"\"],\"g\":[[0]]}";

enum { LIMIT = 1 << 20 };

/* A text of its own with the members of its root. */
typedef struct base {
  char *text;
  json_members members;
  document document;
} base;

static bool base_open(base *b, const char *bytes, size_t length) {
  json_fault fault = {0, NULL};
  json_judgement judgement = {.members = &b->members};
  b->text = exact_copy(bytes, length);
  b->members = (json_members){0};
  bool accepted = json_judge(b->text, length, &judgement, &fault) && *judgement.value.at == '{';
  if (accepted) {
    b->document = (document){.text = judgement.value, .members = b->members.items, .count = b->members.count};
  }
  return accepted;
}

static void base_close(base *b) {
  json_members_free(&b->members);
  free(b->text);
}

/* The last value under a name given with its quotes. */
static json_slice find(json_slice object, json_slice name) {
  json_slice found = {NULL, 0};
  json_member member;
  for (json_cursor cursor = json_enter(object); json_next_member(&cursor, &member);) {
    found = json_compare_strings(member.name, name) == 0 ? member.value : found;
  }
  return found;
}

/* What the change does not mention stands in the next document as it stood. */
static void check_untouched(json_slice before, json_slice after, json_slice change, bool root) {
  json_member member;
  for (json_cursor cursor = json_enter(before); json_next_member(&cursor, &member);) {
    bool dropped = annotation_is(member.name) || (root && json_string_is(member.name, "links", 5));
    json_slice was = find(before, member.name);
    json_slice is = find(after, member.name);
    json_slice asked = find(change, member.name);
    HOLDS(dropped == (is.at == NULL));
    if (dropped) {
      continue;
    }
    if (asked.at == NULL) {
      HOLDS(same_bytes(was, is));
    } else if (*asked.at == '{' && *was.at == '{') {
      HOLDS(*is.at == '{');
      check_untouched(was, is, asked, false);
    }
  }
}

/* Each difference is found where its pointer leads. */
static void check_differences(const document_work *work, json_slice after) {
  for (size_t i = 0; i < work->difference_count; i++) {
    const document_difference *d = &work->differences[i];
    json_slice to = {work->render.out.data + d->to, d->to_length};
    json_slice is = json_find(after, work->pointers.data + d->pointer, d->pointer_length, false);
    HOLDS(judged(to, false));
    HOLDS(d->pointer_length > 1000 || (is.at != NULL && same_bytes(is, to)));
    HOLDS((d->act == DOCUMENT_INSERT) == (d->from.at == NULL));
  }
}

static void check_patch(document_work *work, bool any) {
  HOLDS(document_write_patch(work));
  json_slice patch = {work->next.data, work->next.length};
  HOLDS(judged(patch, false));
  HOLDS(any == (patch.length > 2));
}

static void check_again(document_work *work, const buffer *next, json_slice change, json_slice prototype) {
  base again;
  HOLDS(base_open(&again, next->data, next->length));
  HOLDS(document_apply(work, &again.document, change, prototype));
  HOLDS(memchr(change.at, JSON_MARK_REMOVE, change.length) != NULL || work->difference_count == 0);
  base_close(&again);
}

static void check(document_work *work, const base *b, json_slice change, json_slice prototype) {
  if (!document_apply(work, &b->document, change, prototype)) {
    HOLDS(work->render.fault.what != NULL);
    return;
  }
  bool any = work->difference_count > 0;
  check_patch(work, any);
  HOLDS(document_write(work, b->document.text));
  json_slice next = {work->next.data, work->next.length};
  HOLDS(judged(next, false));
  check_untouched(b->document.text, next, change, true);
  check_differences(work, next);

  buffer stripped;
  buffer_init(&stripped, LIMIT);
  HOLDS(annotation_strip(next, &stripped) && stripped.length == next.length);
  check_again(work, &stripped, change, prototype);
  buffer_free(&stripped);
}

static void run(const char *text, size_t length, json_slice change) {
  const json_slice prototype = {prototype_text, sizeof prototype_text - 1};
  base given;
  if (!base_open(&given, text, length)) {
    base_close(&given);
    return;
  }
  document_work work;
  buffer stripped;
  document_work_init(&work, LIMIT);
  buffer_init(&stripped, LIMIT);
  if (annotation_within(given.document.text, true)) {
    HOLDS(annotation_strip(given.document.text, &stripped));
    base_close(&given);
    HOLDS(base_open(&given, stripped.data, stripped.length));
  }
  check(&work, &given, change, prototype);
  base_close(&given);
  buffer_free(&stripped);
  document_work_free(&work);
  document_work_free(&work);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
  if (nul == NULL) {
    return 0;
  }
  size_t length = (size_t)(nul - data);
  size_t change_length = size - length - 1;
  char *change = exact_copy(nul + 1, change_length);
  json_fault fault = {0, NULL};
  json_judgement judgement = {.marks = true};
  if (json_judge(change, change_length, &judgement, &fault) && *judgement.value.at == '{') {
    run((const char *)data, length, judgement.value);
  }
  free(change);
  return 0;
}
