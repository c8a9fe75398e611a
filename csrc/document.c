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

static size_t offset_of(const merge *m, const char *at) {
  return (size_t)(at - m->base->text.at);
}

static bool replace_value(merge *m, document_difference difference) {
  document_work *work = m->work;
  size_t text = work->patches.length;
  json_slice to = document_work_rendered(work, &difference);
  buffer_append(&work->patches, to.at, to.length);
  size_t start = offset_of(m, difference.from.at);
  return document_work_edit(work, start, start + difference.from.length, text) &&
         document_work_differ(work, difference);
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
  json_slice to = document_work_rendered(work, &difference);
  buffer_append(&work->patches, asked.name.at, asked.name.length);
  buffer_append_byte(&work->patches, ':');
  buffer_append(&work->patches, to.at, to.length);
  return document_work_edit(work, at, at, text) && document_work_differ(work, difference);
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
  json_slice to = document_work_rendered(work, &difference);
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
  difference.whole_array = *current.at == '[' || *document_work_rendered(work, &difference).at == '[';
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
    return document_work_full(m->work);
  }
  bool inserted = false;
  json_index_sort(pool, &m->members, asked.count);
  for (size_t i = asked.first; i < asked.first + asked.count; i++) {
    json_member member = pool->items[i];
    bool counts = json_index_counts(pool, &asked, i) && is_asked(m, member.name);
    if (counts && !apply_member(m, member, &inserted)) {
      return false;
    }
  }
  return true;
}

static bool merge_object(document_work *work, const document *base, json_slice object, json_slice change) {
  merge m = {.work = work, .base = base, .object = object};
  if (!json_index_open(&work->render.pool, object, &m.members)) {
    return document_work_full(work);
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
    return document_work_full(work);
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
    if (!document_work_edit(work, offset_of(&m, start), offset_of(&m, end), work->patches.length)) {
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

/* A few changes mostly come in their order already. */
static void sort_edits(document_work *work) {
  for (size_t i = 1; i < work->edit_count; i++) {
    if (by_start(&work->edits[i - 1], &work->edits[i]) > 0) {
      qsort(work->edits, work->edit_count, sizeof *work->edits, by_start);
      return;
    }
  }
}

bool document_apply(document_work *work, const document *base, json_slice change, json_slice prototype) {
  document_work_clear(work);
  work->render.prototype = prototype;
  if (!merge_root(work, base, change) || !drop_unwritten(work, base)) {
    return false;
  }
  sort_edits(work);
  return true;
}

bool document_resolve(document_work *work, json_slice change, json_slice prototype, json_slice pointer) {
  document_work_clear(work);
  work->render.prototype = prototype;
  if (!buffer_append(&work->render.path, pointer.at, pointer.length)) {
    return document_work_full(work);
  }
  return render_value(&work->render, change, nothing) &&
         (buffer_append(&work->next, work->render.out.data, work->render.out.length) ||
          document_work_full(work));
}
