/*
 * A referral as the service sent it, and a change: together the next document. What the change does not touch
 * is copied byte for byte; the root's `links` and the OData annotations are never written.
 */
#ifndef REFERRALS_DOCUMENT_H
#define REFERRALS_DOCUMENT_H

#include "json.h"
#include "render.h"

#pragma GCC visibility push(hidden)

/* An accepted object. The text and the members belong to whoever made the document. */
typedef struct document {
  json_slice text;
  const json_member *members;
  size_t count;
  bool plain_names;      /* no name of the root has an escape in it; false: not known */
  bool unannotated;      /* no name anywhere is an OData annotation's; false: not known */
  bool deeply_annotated; /* annotations may stand deeper than in the root */
  bool lone_surrogates;  /* half a surrogate pair may stand in it: JSON, but no character */
} document;

/* Whether a name of the root (with its quotes) reads as these bytes, which have no backslash in them. */
bool document_name_is(const document *d, json_slice name, const char *bytes, size_t length);

/* The member of that name; of several the last counts. NULL when there is none. */
const json_member *document_find(const document *d, const char *name, size_t length);

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

/*
 * Finds what `change` (an accepted object, marks allowed) makes different in `base`, merging objects member
 * by member. The differences stand in `work` until the next call; none means that nothing would change.
 * `prototype` says what kinds of values members have; its `at` may be NULL. The root's id, eTag, links and
 * annotations in a change are passed over. False: work->render.fault, at the path work->render.path.
 */
bool document_apply(document_work *work, const document *base, json_slice change, json_slice prototype);

/* The value that a JSON Pointer leads to; `at` is NULL when there is none. */
json_slice document_get(const document *d, json_slice pointer);

/* The base with its edits made, which are in their order, in place of what `next` held. False when it does
 * not fit. `patches`: the edits' texts. */
bool document_copy(buffer *next, const document *base, const document_edit *edits, size_t count,
                   const char *patches);

/* After document_apply(): the next document, in work->next. False when it does not fit. */
bool document_write(document_work *work, const document *base);

/* After document_apply(): the same change as a JSON Patch of `add` and `replace`, in work->next. */
bool document_write_patch(document_work *work);

/* A change on its own as JSON text in work->next, its marks resolved by the prototype, as it would stand at
 * the work's path `pointer`. */
bool document_resolve(document_work *work, json_slice change, json_slice prototype, json_slice pointer);

#pragma GCC visibility pop

#endif
