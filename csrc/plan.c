#include "plan.h"

#include "coverage.h"
#include "json_equal.h"

#include <string.h>

/* A member as it is packed: offsets from the block's start. No length: it was not there. */
typedef struct packed {
  size_t pointer, pointer_length;
  size_t from, from_length;
  size_t to, to_length;
} packed;

static const packed *members_of(const plan *p) {
  return (const packed *)(const void *)(p + 1);
}

static const document_edit *edits_of(const plan *p) {
  return (const document_edit *)(const void *)(members_of(p) + p->member_count);
}

static json_slice slice(const plan *p, size_t at, size_t length) {
  return (json_slice){(const char *)p + at, length};
}

static size_t put(buffer *out, json_slice bytes) {
  size_t at = out->length;
  buffer_append(out, bytes.at, bytes.length);
  return at;
}

static void pack_members(buffer *out, size_t at, const document_work *work) {
  for (size_t i = 0; i < work->difference_count && !out->failed; i++) {
    const document_difference *difference = &work->differences[i];
    packed member = {.pointer_length = difference->pointer_length,
                     .from_length = difference->from.length,
                     .to_length = difference->to_length};
    member.pointer = put(out, (json_slice){work->pointers.data + difference->pointer, member.pointer_length});
    member.from = put(out, difference->from);
    member.to = put(out, (json_slice){work->render.out.data + difference->to, member.to_length});
    memcpy(out->data + at + i * sizeof member, &member, sizeof member);
  }
}

const plan *plan_pack(buffer *out, const document_work *work, const document *base, json_slice change) {
  plan p = {.base = base->text.at,
            .base_length = base->text.length,
            .member_count = work->difference_count,
            .edit_count = work->edit_count,
            .patches_length = work->patches.length,
            .change_length = change.length};
  size_t members = p.member_count * sizeof(packed);
  size_t edits = p.edit_count * sizeof(document_edit);
  buffer_clear(out);
  if (!buffer_reserve(out, sizeof p + members + edits)) {
    return NULL;
  }
  memcpy(out->data + sizeof p + members, work->edits, edits);
  out->length = sizeof p + members + edits;
  pack_members(out, sizeof p, work);
  p.patches = put(out, (json_slice){work->patches.data, p.patches_length});
  p.change = put(out, change);
  p.size = out->length;
  if (out->failed) {
    return NULL;
  }
  memcpy(out->data, &p, sizeof p);
  return (const plan *)(const void *)out->data;
}

bool plan_is_for(const plan *p, const document *base) {
  return p->base == base->text.at && p->base_length == base->text.length;
}

bool plan_write(const plan *p, const document *base, buffer *out) {
  return document_copy(out, base->text, edits_of(p), p->edit_count, (const char *)p + p->patches);
}

plan_member plan_get(const plan *p, size_t i) {
  packed member = members_of(p)[i];
  json_slice from = slice(p, member.from, member.from_length);
  return (plan_member){.pointer = slice(p, member.pointer, member.pointer_length),
                       .from = member.from_length > 0 ? from : (json_slice){NULL, 0},
                       .to = slice(p, member.to, member.to_length)};
}

json_slice plan_change(const plan *p) {
  return slice(p, p->change, p->change_length);
}

bool plan_is_shown(const plan *p, const document *d, json_members *pool) {
  json_comparison how = {.pool = pool};
  for (size_t i = 0; i < p->member_count; i++) {
    plan_member member = plan_get(p, i);
    json_slice there = document_get(d, member.pointer);
    if (there.at == NULL || !json_equal(there, member.to, &how)) {
      return false;
    }
  }
  return true;
}

/* How many edits, from one of them on, begin within a value of the base; moves behind the last of these. */
static size_t edits_from(const document_edit **edit, const document_edit *last, size_t start, size_t end) {
  while (*edit < last && (*edit)->start < start) {
    (*edit)++;
  }
  const document_edit *first = *edit;
  while (*edit < last && (*edit)->start < end) {
    (*edit)++;
  }
  return (size_t)(*edit - first);
}

/* Room for all of them was made: nothing moves. */
static json_member write_member(const plan *p, const document *base, const json_member *member,
                                const document_edit *edit, size_t edits, buffer *room) {
  const char *text = base->text.at;
  size_t name = room->length;
  size_t copied = (size_t)(member->name.at - text);
  for (size_t i = 0; i < edits; i++, edit++) {
    buffer_append(room, text + copied, edit->start - copied);
    if (edit->length > 0) {
      buffer_append(room, (const char *)p + p->patches + edit->text, edit->length);
    }
    copied = edit->end;
  }
  size_t end = (size_t)(member->value.at - text) + member->value.length;
  buffer_append(room, text + copied, end - copied);
  size_t value = name + (size_t)(member->value.at - member->name.at);
  return (json_member){{room->data + name, member->name.length}, {room->data + value, room->length - value}};
}

bool plan_written(const plan *p, const document *base, buffer *room, json_members *list) {
  buffer_clear(room);
  if (!buffer_reserve(room, base->text.length + p->patches_length)) {
    return false;
  }
  const document_edit *edit = edits_of(p);
  const document_edit *last = edit + p->edit_count;
  for (size_t i = 0; i < base->count && edit < last; i++) {
    const json_member *member = &base->members[i];
    size_t start = (size_t)(member->value.at - base->text.at);
    size_t edits = edits_from(&edit, last, start, start + member->value.length);
    bool counts = edits > 0 && *member->value.at == '{';
    if (counts && !json_members_push(list, write_member(p, base, member, edit - edits, edits, room))) {
      return false;
    }
  }
  return true;
}

static bool begins_with(const char **at, const char *end, const char *bytes, size_t length) {
  if ((size_t)(end - *at) < length || (length > 0 && memcmp(*at, bytes, length) != 0)) {
    return false;
  }
  *at += length;
  return true;
}

/* Is this the base's value with its edits made, byte for byte? */
static bool is_as_written(const plan *p, const document *base, json_slice value, const document_edit *edit,
                          size_t edits, json_slice there) {
  const char *text = base->text.at;
  const char *patches = (const char *)p + p->patches;
  const char *at = there.at;
  const char *end = there.at + there.length;
  size_t copied = (size_t)(value.at - text);
  for (size_t i = 0; i < edits; i++, edit++) {
    if (!begins_with(&at, end, text + copied, edit->start - copied) ||
        !begins_with(&at, end, patches + edit->text, edit->length)) {
      return false;
    }
    copied = edit->end;
  }
  size_t value_end = (size_t)(value.at - text) + value.length;
  return copied <= value_end && begins_with(&at, end, text + copied, value_end - copied) && at == end;
}

/* A document of the same kind with only these of its members. */
static document with_members(const document *d, const json_member *members, size_t count) {
  document some = *d;
  some.members = members;
  some.count = count;
  return some;
}

enum { FEW_GONE = 16 /* each is looked for among all */ };

bool plan_is_repeated(const plan *p, const document *base, const document *answer,
                      const document_reading *reading, json_members *pool) {
  const json_members *gone = &reading->gone;
  if (gone->count > FEW_GONE) {
    return false;
  }
  document fresh = with_members(answer, reading->fresh.items, reading->fresh.count);
  size_t found = 0;
  for (size_t i = 0; i < gone->count; i++) {
    json_slice value = gone->items[i].value;
    json_slice name = gone->items[i].name;
    size_t start = (size_t)(value.at - base->text.at);
    const document_edit *edit = edits_of(p);
    size_t edits = edits_from(&edit, edit + p->edit_count, start, start + value.length);
    if (edits > 0) {
      const json_member *member = document_find(answer, name.at + 1, name.length - 2);
      if (member == NULL || !is_as_written(p, base, value, edit - edits, edits, member->value)) {
        return false;
      }
      found += edits;
    } else {
      document sent = with_members(base, &gone->items[i], 1);
      if (!coverage_holds(&fresh, &sent, pool)) {
        return false;
      }
    }
  }
  return found == p->member_count;
}
