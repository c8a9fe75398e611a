#include "document_read.h"

#include "annotation.h"

#include <string.h>

void document_reading_free(document_reading *reading) {
  json_members_free(&reading->members);
  json_members_free(&reading->fresh);
  json_members_free(&reading->gone);
}

static bool has_deep_annotations(const document *d) {
  for (size_t i = 0; i < d->count && !d->unannotated; i++) {
    if (!annotation_is(d->members[i].name) && annotation_within(d->members[i].value, true)) {
      return true;
    }
  }
  return false;
}

static bool are_annotated(const json_members *members) {
  for (size_t i = 0; i < members->count; i++) {
    json_slice name = members->items[i].name;
    json_slice value = members->items[i].value;
    if (annotation_within((json_slice){name.at, (size_t)(value.at - name.at) + value.length}, true)) {
      return true;
    }
  }
  return false;
}

/* Where the known document has none, only the fresh members have to be looked at. */
static void look_for_annotations(document *d, const document *known, const document_reading *reading,
                                 bool escaped) {
  if (known == NULL) {
    d->unannotated = !annotation_within(d->text, escaped);
  } else {
    d->unannotated = known->unannotated && !are_annotated(&reading->fresh);
  }
  d->deeply_annotated = has_deep_annotations(d);
}

static size_t mark_length(json_slice text) {
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  return text.length >= 3 && memcmp(text.at, byte_order_mark, 3) == 0 ? 3 : 0;
}

bool document_read(document_reading *reading, json_slice text, document_earlier earlier, document *read,
                   json_fault *fault) {
  const document *known = earlier.known;
  size_t skipped = mark_length(text);
  json_judgement judgement = {.members = &reading->members};
  if (known != NULL) {
    judgement.known = (json_member_list){known->members, known->count};
    judgement.written = earlier.written;
    judgement.fresh = &reading->fresh;
    judgement.gone = &reading->gone;
  }
  reading->members.count = reading->fresh.count = reading->gone.count = 0;
  if (!json_judge(text.at + skipped, text.length - skipped, &judgement, fault)) {
    fault->offset += skipped;
    return false;
  }
  if (*judgement.value.at != '{') {
    *fault = (json_fault){.offset = 0, .what = "a JSON object"};
    return false;
  }
  *read =
      (document){.text = judgement.value, .members = reading->members.items, .count = reading->members.count};
  read->plain_names = !judgement.escaped_names && (known == NULL || known->plain_names);
  look_for_annotations(read, known, reading, judgement.unicode_escapes);
  return true;
}

static json_slice moved(json_slice slice, const char *from, const char *to) {
  return (json_slice){to + (slice.at - from), slice.length};
}

size_t document_size(const document *d) {
  return sizeof *d + d->count * sizeof *d->members + d->text.length + 1;
}

document *document_place(const document *d, void *block) {
  document *copy = block;
  json_member *members = (json_member *)(void *)(copy + 1);
  char *text = (char *)(members + d->count);
  memcpy(text, d->text.at, d->text.length);
  text[d->text.length] = '\0';
  for (size_t i = 0; i < d->count; i++) {
    members[i].name = moved(d->members[i].name, d->text.at, text);
    members[i].value = moved(d->members[i].value, d->text.at, text);
  }
  *copy = *d;
  copy->text.at = text;
  copy->members = members;
  return copy;
}
