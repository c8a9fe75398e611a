/*
 * A referral as the service sent it, and a change: together the next document. What the change does not touch
 * is copied byte for byte; the root's `links` and the OData annotations are never written.
 */
#ifndef REFERRALS_DOCUMENT_H
#define REFERRALS_DOCUMENT_H

#include "document_work.h"

#pragma GCC visibility push(hidden)

/* An accepted object. The text and the members belong to whoever made the document. */
typedef struct document {
  json_slice text;
  const json_member *members;
  size_t count;
  bool plain_names;      /* no name of the root has an escape in it; false: not known */
  bool unannotated;      /* no name anywhere is an OData annotation's; false: not known */
  bool deeply_annotated; /* annotations may stand deeper than in the root */
} document;

/* Whether a name of the root (with its quotes) reads as these bytes, which have no backslash in them. */
bool document_name_is(const document *d, json_slice name, const char *bytes, size_t length);

/* The member of that name; of several the last counts. NULL when there is none. */
const json_member *document_find(const document *d, const char *name, size_t length);

/*
 * Finds what `change` (an accepted object, marks allowed) makes different in `base`, merging objects member
 * by member. The differences stand in `work` until the next call; none means that nothing would change.
 * `prototype` says what kinds of values members have; its `at` may be NULL. The root's id, eTag, links and
 * annotations in a change are passed over. False: work->render.fault, at the path work->render.path.
 */
bool document_apply(document_work *work, const document *base, json_slice change, json_slice prototype);

/* The value that a JSON Pointer leads to; `at` is NULL when there is none. */
json_slice document_get(const document *d, json_slice pointer);

/* A change on its own as JSON text in work->next, its marks resolved by the prototype, as it would stand at
 * the work's path `pointer`. False with the fault set in work->render. */
bool document_resolve(document_work *work, json_slice change, json_slice prototype, json_slice pointer);

#pragma GCC visibility pop

#endif
