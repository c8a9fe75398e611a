#include "document_work.h"

#include <stdlib.h>
#include <string.h>

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

void document_work_clear(document_work *work) {
  render_clear(&work->render);
  buffer_clear(&work->pointers);
  buffer_clear(&work->patches);
  buffer_clear(&work->next);
  work->difference_count = 0;
  work->edit_count = 0;
}

bool document_work_full(document_work *work) {
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

bool document_work_edit(document_work *work, size_t start, size_t end, size_t text) {
  if (work->patches.failed ||
      !grow(&work->edits, work->edit_count, &work->edit_capacity, sizeof *work->edits)) {
    return document_work_full(work);
  }
  work->edits[work->edit_count++] =
      (document_edit){.start = start, .end = end, .text = text, .length = work->patches.length - text};
  return true;
}

json_slice document_work_rendered(const document_work *work, const document_difference *difference) {
  return (json_slice){work->render.out.data + difference->to, difference->to_length};
}

bool document_work_differ(document_work *work, document_difference difference) {
  buffer *path = &work->render.path;
  if (!grow(&work->differences, work->difference_count, &work->difference_capacity, sizeof difference)) {
    return document_work_full(work);
  }
  difference.pointer = work->pointers.length;
  difference.pointer_length = path->length;
  if (!buffer_append(&work->pointers, path->data, path->length)) {
    return document_work_full(work);
  }
  work->differences[work->difference_count++] = difference;
  return true;
}

bool document_copy(buffer *next, json_slice base, const document_edit *edits, size_t count,
                   const char *patches) {
  size_t copied = 0;
  buffer_clear(next);
  buffer_reserve(next, base.length);
  for (size_t i = 0; i < count; i++) {
    buffer_append(next, base.at + copied, edits[i].start - copied);
    if (edits[i].length > 0) {
      buffer_append(next, patches + edits[i].text, edits[i].length);
    }
    copied = edits[i].end;
  }
  return buffer_append(next, base.at + copied, base.length - copied) && !next->failed;
}

bool document_write(document_work *work, json_slice base) {
  return document_copy(&work->next, base, work->edits, work->edit_count, work->patches.data) ||
         document_work_full(work);
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
      write_operation(work, difference, "", document_work_rendered(work, difference));
      continue;
    }
    json_slice items = {work->render.out.data + difference->items, difference->items_length};
    json_cursor cursor = json_enter(items);
    json_slice item;
    while (json_next_element(&cursor, &item)) {
      write_operation(work, difference, "/-", item);
    }
  }
  return (buffer_append_byte(next, ']') && !next->failed) || document_work_full(work);
}
