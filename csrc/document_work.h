/*
 * Working memory for applying a change: what was found to differ, the edits that come of it, and what is
 * written by them.
 */
#ifndef REFERRALS_DOCUMENT_WORK_H
#define REFERRALS_DOCUMENT_WORK_H

#include "json.h"
#include "render.h"

#pragma GCC visibility push(hidden)

typedef enum document_act {
  DOCUMENT_SET,    /* a value became another */
  DOCUMENT_INSERT, /* a member was not there */
  DOCUMENT_APPEND  /* items were added to an array */
} document_act;

/* One member that differs. Offsets are into the work's buffers, which move while a change is applied. */
typedef struct document_difference {
  document_act act;
  size_t pointer; /* JSON Pointer, in document_work.pointers */
  size_t pointer_length;
  json_slice from; /* in the base's text; `at` is NULL when the member was not there */
  size_t to;       /* in document_work.render.out */
  size_t to_length;
  size_t items; /* DOCUMENT_APPEND: the added items as an array, behind `to` */
  size_t items_length;
  bool whole_array; /* an array was replaced as a whole, or something else by one */
} document_difference;

/* Bytes of the base [start, end) that become bytes of the work's `patches`. */
typedef struct document_edit {
  size_t start;
  size_t end;
  size_t text;
  size_t length;
} document_edit;

/* Working memory, reused from one change to the next. Owns all it points to; document_work_free() twice is
 * fine. */
typedef struct document_work {
  render render;
  buffer pointers;
  buffer patches; /* the texts of the edits */
  buffer next;    /* what document_write() and document_write_patch() made */
  document_difference *differences;
  size_t difference_count;
  size_t difference_capacity;
  document_edit *edits;
  size_t edit_count;
  size_t edit_capacity;
} document_work;

/* `limit`: bytes of the next document. Acquires nothing. */
void document_work_init(document_work *work, size_t limit);
void document_work_free(document_work *work);

/* Forgets what was found. */
void document_work_clear(document_work *work);

/* The fault of everything here that returns false. Always false. */
bool document_work_full(document_work *work);

/* Bytes [start, end) of the base become what was appended to `patches` from `text` on. */
bool document_work_edit(document_work *work, size_t start, size_t end, size_t text);

/* The member at the render's path becomes what was rendered from `to` on. */
bool document_work_differ(document_work *work, document_difference difference);

/* What a member becomes; good until more is rendered. */
json_slice document_work_rendered(const document_work *work, const document_difference *difference);

/* The base's text with its edits made, which are in their order, in place of what `next` held. False when it
 * does not fit. `patches`: the edits' texts. */
bool document_copy(buffer *next, json_slice base, const document_edit *edits, size_t count,
                   const char *patches);

/* After document_apply(): the next document, in work->next; `base` is the text. False when it does not fit.
 */
bool document_write(document_work *work, json_slice base);

/* After document_apply(): the same change as a JSON Patch of `add` and `replace`, in work->next. False when
 * it does not fit. */
bool document_write_patch(document_work *work);

#pragma GCC visibility pop

#endif
