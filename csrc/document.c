#include "document.h"

#include "annotation.h"
#include "json_equal.h"

#include <stdlib.h>
#include <string.h>

static const json_slice nothing = {NULL, 0};

/* One object of the base and what is asked of it. */
typedef struct merge {
  document_work *work;
  const document *base;
  json_slice object;
  json_index members;
  bool root;
} merge;

void document_work_init(document_work *work, size_t limit) {
  *work = (document_work){.differences = NULL};
  render_init(&work->render, limit);
  buffer_init(&work->pointers, limit);
  buffer_init(&work->patches, limit);
  buffer_init(&work->next, limit);
}

void document_work_free(document_work *work) {
  render_free(&work->render);
  buffer_free(&work->pointers);
  buffer_free(&work->patches);
  buffer_free(&work->next);
  free(work->differences);
  free(work->edits);
  document_work_init(work, work->next.limit);
}

static void work_clear(document_work *work) {
  render_clear(&work->render);
  buffer_clear(&work->pointers);
  buffer_clear(&work->patches);
  buffer_clear(&work->next);
  work->difference_count = 0;
  work->edit_count = 0;
}

static bool out_of_room(document_work *work) {
  work->render.fault =
      (render_fault){.what = "less: it does not fit into memory or its bound", .memory = true};
  return false;
}

/* Room for one more item of `size` bytes; the list's memory may move. */
static bool grow(void *list_pointer, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) {
    return true;
  }
  size_t more = *capacity == 0 ? 16 : *capacity * 2;
  void *list = NULL;
  memcpy(&list, list_pointer, sizeof list);
  list = more > JSON_MAX_MEMBERS ? NULL : realloc(list, more * size);
  if (list == NULL) {
    return false;
  }
  memcpy(list_pointer, &list, sizeof list);
  *capacity = more;
  return true;
}

static bool add_edit(document_work *work, size_t start, size_t end, size_t text) {
  if (work->patches.failed ||
      !grow(&work->edits, work->edit_count, &work->edit_capacity, sizeof *work->edits)) {
    return out_of_room(work);
  }
  work->edits[work->edit_count++] =
      (document_edit){.start = start, .end = end, .text = text, .length = work->patches.length - text};
  return true;
}

static size_t offset_of(const merge *m, const char *at) {
  return (size_t)(at - m->base->text.at);
}

static json_slice rendered(const document_work *work, const document_difference *difference) {
  return (json_slice){work->render.out.data + difference->to, difference->to_length};
}

/* Notes that the member at the render's path becomes what was rendered from `to` on. */
static bool add_difference(document_work *work, document_difference difference) {
  buffer *path = &work->render.path;
  if (!grow(&work->differences, work->difference_count, &work->difference_capacity, sizeof difference)) {
    return out_of_room(work);
  }
  difference.pointer = work->pointers.length;
  difference.pointer_length = path->length;
  if (!buffer_append(&work->pointers, path->data, path->length)) {
    return out_of_room(work);
  }
  work->differences[work->difference_count++] = difference;
  return true;
}

static bool replace_value(merge *m, document_difference difference) {
  document_work *work = m->work;
  size_t text = work->patches.length;
  json_slice to = rendered(work, &difference);
  buffer_append(&work->patches, to.at, to.length);
  size_t start = offset_of(m, difference.from.at);
  return add_edit(work, start, start + difference.from.length, text) && add_difference(work, difference);
}

bool document_name_is(const document *d, json_slice name, const char *bytes, size_t length) {
  if (d->plain_names) {
    return name.length == length + 2 && memcmp(name.at + 1, bytes, length) == 0;
  }
  return json_string_is(name, bytes, length);
}

const json_member *document_find(const document *d, const char *name, size_t length) {
  for (size_t i = d->count; i > 0; i--) {
    if (document_name_is(d, d->members[i - 1].name, name, length)) {
      return &d->members[i - 1];
    }
  }
  return NULL;
}

json_slice document_get(const document *d, json_slice pointer) {
  const char *rest = pointer.length > 1 ? memchr(pointer.at + 1, '/', pointer.length - 1) : NULL;
  size_t first = rest != NULL ? (size_t)(rest - pointer.at) : pointer.length;
  if (first < 2 || memchr(pointer.at, '~', first) != NULL) {
    return json_find(d->text, pointer.at, pointer.length, false);
  }
  const json_member *member = document_find(d, pointer.at + 1, first - 1);
  if (member == NULL || rest == NULL) {
    return member != NULL ? member->value : nothing;
  }
  return json_find(member->value, rest, pointer.length - first, false);
}

static bool is_written(const merge *m, json_slice name) {
  return !(m->root && document_name_is(m->base, name, "links", 5)) &&
         (m->base->unannotated || !annotation_is(name));
}

/* Where a new member goes: behind the last member that is written, or behind the brace when there is none. */
static const char *insertion_point(const merge *m, bool *first) {
  const json_members *pool = &m->work->render.pool;
  const char *point = NULL;
  for (size_t i = m->members.first; i < m->members.first + m->members.count; i++) {
    const json_member *member = &pool->items[i];
    const char *end = member->value.at + member->value.length;
    if (is_written(m, member->name) && (point == NULL || end > point)) {
      point = end;
    }
  }
  *first = point == NULL;
  return point == NULL ? m->object.at + 1 : point;
}

static bool insert_member(merge *m, json_member asked, bool after_another) {
  document_work *work = m->work;
  document_difference difference = {.act = DOCUMENT_INSERT, .to = work->render.out.length};
  if (!render_value(&work->render, asked.value, nothing)) {
    return false;
  }
  difference.to_length = work->render.out.length - difference.to;
  bool first = false;
  size_t at = offset_of(m, insertion_point(m, &first));
  size_t text = work->patches.length;
  if (!first || after_another) {
    buffer_append_byte(&work->patches, ',');
  }
  json_slice to = rendered(work, &difference);
  buffer_append(&work->patches, asked.name.at, asked.name.length);
  buffer_append_byte(&work->patches, ':');
  buffer_append(&work->patches, to.at, to.length);
  return add_edit(work, at, at, text) && add_difference(work, difference);
}

static bool add_items(merge *m, json_slice current, json_slice items) {
  document_work *work = m->work;
  document_difference difference = {.act = DOCUMENT_APPEND, .from = current, .to = work->render.out.length};
  if (*current.at != '[') {
    return render_refuse(&work->render, "an array to add to: there is another value");
  }
  size_t added = 0;
  if (!render_added(&work->render, items, current, &added) || added == 0) {
    return work->render.fault.what == NULL;
  }
  difference.to_length = added - difference.to;
  difference.items = added;
  difference.items_length = work->render.out.length - added;
  return replace_value(m, difference);
}

static bool remove_items(merge *m, json_slice current, json_slice positions) {
  document_work *work = m->work;
  document_difference difference = {.act = DOCUMENT_SET, .from = current, .to = work->render.out.length};
  if (*current.at != '[') {
    return render_refuse(&work->render, "an array to remove from: there is another value");
  }
  if (!render_removed(&work->render, positions, current)) {
    return false;
  }
  difference.to_length = work->render.out.length - difference.to;
  json_slice to = rendered(work, &difference);
  return render_equal(&work->render, current, to) ||
         (work->render.fault.what == NULL && replace_value(m, difference));
}

static bool set_value(merge *m, json_slice current, json_slice value) {
  document_work *work = m->work;
  if (render_equal(&work->render, current, value)) {
    return true;
  }
  document_difference difference = {.act = DOCUMENT_SET, .from = current, .to = work->render.out.length};
  if (work->render.fault.what != NULL || !render_value(&work->render, value, current)) {
    return false;
  }
  difference.to_length = work->render.out.length - difference.to;
  difference.whole_array = *current.at == '[' || *rendered(work, &difference).at == '[';
  return replace_value(m, difference);
}

static bool merge_object(document_work *work, const document *base, json_slice object, json_slice change);

static bool change_member(merge *m, json_slice current, json_slice value) {
  switch (*value.at) {
  case JSON_MARK_ADD:
  case JSON_MARK_REMOVE: {
    json_slice items = {value.at + 1, value.length - 1};
    bool absent = *current.at == 'n';
    if (absent) {
      return *value.at == JSON_MARK_REMOVE || set_value(m, current, items);
    }
    return *value.at == JSON_MARK_ADD ? add_items(m, current, items) : remove_items(m, current, items);
  }
  case JSON_MARK_EMPTY:
    return *current.at == '{' || set_value(m, current, value);
  case '{':
    return *current.at == '{' ? merge_object(m->work, m->base, current, value) : set_value(m, current, value);
  default:
    return set_value(m, current, value);
  }
}

/* Which referral and which version a change is for is not part of what it writes. */
static bool is_asked(const merge *m, json_slice name) {
  bool identity = m->root && (json_string_is(name, "eTag", 4) || json_string_is(name, "id", 2) ||
                              json_string_is(name, "links", 5));
  return !identity && !annotation_is(name);
}

static bool apply_member(merge *m, json_member asked, bool *inserted) {
  document_work *work = m->work;
  size_t found = json_index_find(&work->render.pool, &m->members, asked.name);
  size_t length = render_enter(&work->render, asked.name);
  bool done = true;
  if (found != SIZE_MAX) {
    done = change_member(m, work->render.pool.items[found].value, asked.value);
  } else if (*asked.value.at != 'n' && *asked.value.at != JSON_MARK_REMOVE) {
    done = insert_member(m, asked, *inserted);
    *inserted = true;
  }
  render_leave(&work->render, length);
  return done && work->render.fault.what == NULL;
}

static bool merge_members(merge *m, json_slice change) {
  json_members *pool = &m->work->render.pool;
  json_index asked;
  if (!json_index_open_sorted(pool, change, &asked)) {
    return out_of_room(m->work);
  }
  bool inserted = false;
  json_index_sort(pool, &m->members, asked.count);
  for (size_t i = asked.first; i < asked.first + asked.count; i++) {
    json_member member = pool->items[i];
    bool counts = json_index_find(pool, &asked, member.name) == i && is_asked(m, member.name);
    if (counts && !apply_member(m, member, &inserted)) {
      return false;
    }
  }
  return true;
}

static bool merge_object(document_work *work, const document *base, json_slice object, json_slice change) {
  merge m = {.work = work, .base = base, .object = object};
  if (!json_index_open(&work->render.pool, object, &m.members)) {
    return out_of_room(work);
  }
  bool done = merge_members(&m, change);
  json_index_close(&work->render.pool, &m.members);
  return done;
}

static bool merge_root(document_work *work, const document *base, json_slice change) {
  json_members *pool = &work->render.pool;
  merge m = {
      .work = work, .base = base, .object = base->text, .members = {.first = pool->count}, .root = true};
  if (!json_members_append(pool, (json_member_list){base->members, base->count})) {
    return out_of_room(work);
  }
  m.members.count = base->count;
  bool done = merge_members(&m, change);
  json_index_close(pool, &m.members);
  return done;
}

/* An edit that takes each member out that is not written, with one comma. */
static bool drop_unwritten(document_work *work, const document *base) {
  merge m = {.work = work, .base = base, .object = base->text, .root = true};
  bool kept = false;
  for (size_t i = 0; i < base->count; i++) {
    const json_member *member = &base->members[i];
    if (is_written(&m, member->name)) {
      kept = true;
      continue;
    }
    const char *end = member->value.at + member->value.length;
    const char *start = member->name.at;
    if (kept) {
      start = member[-1].value.at + member[-1].value.length;
    } else if (i + 1 < base->count) {
      end = member[1].name.at;
    }
    if (!add_edit(work, offset_of(&m, start), offset_of(&m, end), work->patches.length)) {
      return false;
    }
  }
  return true;
}

/* Insertions at one place keep the order they were made in; a removal that begins there comes after them. */
static int by_start(const void *left, const void *right) {
  const document_edit *a = left;
  const document_edit *b = right;
  if (a->start != b->start) {
    return a->start < b->start ? -1 : 1;
  }
  if ((a->end == a->start) != (b->end == b->start)) {
    return a->end == a->start ? -1 : 1;
  }
  return (a->text > b->text) - (a->text < b->text);
}

bool document_apply(document_work *work, const document *base, json_slice change, json_slice prototype) {
  work_clear(work);
  work->render.prototype = prototype;
  if (!merge_root(work, base, change) || !drop_unwritten(work, base)) {
    return false;
  }
  if (work->edit_count > 1) {
    qsort(work->edits, work->edit_count, sizeof *work->edits, by_start);
  }
  return true;
}

bool document_copy(buffer *next, const document *base, const document_edit *edits, size_t count,
                   const char *patches) {
  size_t copied = 0;
  buffer_clear(next);
  buffer_reserve(next, base->text.length);
  for (size_t i = 0; i < count; i++) {
    buffer_append(next, base->text.at + copied, edits[i].start - copied);
    if (edits[i].length > 0) {
      buffer_append(next, patches + edits[i].text, edits[i].length);
    }
    copied = edits[i].end;
  }
  return buffer_append(next, base->text.at + copied, base->text.length - copied) && !next->failed;
}

bool document_write(document_work *work, const document *base) {
  return document_copy(&work->next, base, work->edits, work->edit_count, work->patches.data) ||
         out_of_room(work);
}

static void write_operation(document_work *work, const document_difference *difference, const char *suffix,
                            json_slice value) {
  buffer *next = &work->next;
  buffer_append_text(next, next->length > 1 ? ",{\"op\":" : "{\"op\":");
  buffer_append_text(next, difference->act == DOCUMENT_SET ? "\"replace\",\"path\":" : "\"add\",\"path\":");
  json_append_string(next, work->pointers.data + difference->pointer, difference->pointer_length);
  if (*suffix != '\0' && !next->failed) {
    next->length--; /* the closing quote */
    buffer_append_text(next, suffix);
    buffer_append_byte(next, '"');
  }
  buffer_append_text(next, ",\"value\":");
  buffer_append(next, value.at, value.length);
  buffer_append_byte(next, '}');
}

bool document_write_patch(document_work *work) {
  buffer *next = &work->next;
  buffer_clear(next);
  buffer_append_byte(next, '[');
  for (size_t i = 0; i < work->difference_count; i++) {
    const document_difference *difference = &work->differences[i];
    if (difference->act != DOCUMENT_APPEND) {
      write_operation(work, difference, "", rendered(work, difference));
      continue;
    }
    json_slice items = {work->render.out.data + difference->items, difference->items_length};
    json_cursor cursor = json_enter(items);
    json_slice item;
    while (json_next_element(&cursor, &item)) {
      write_operation(work, difference, "/-", item);
    }
  }
  return (buffer_append_byte(next, ']') && !next->failed) || out_of_room(work);
}

bool document_resolve(document_work *work, json_slice change, json_slice prototype, json_slice pointer) {
  work_clear(work);
  work->render.prototype = prototype;
  if (!buffer_append(&work->render.path, pointer.at, pointer.length)) {
    return out_of_room(work);
  }
  return render_value(&work->render, change, nothing) &&
         (buffer_append(&work->next, work->render.out.data, work->render.out.length) || out_of_room(work));
}
