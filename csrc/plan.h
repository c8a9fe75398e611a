/*
 * What a change makes of a document, packed: kept while the write is under way, in one block without a
 * pointer to anything but the document's text, which is only compared.
 */
#ifndef REFERRALS_PLAN_H
#define REFERRALS_PLAN_H

#include "document_read.h"
#include "plan_rules.h"

#pragma GCC visibility push(hidden)

/* Begins a block; the rest follows it. Good as long as the block stays where it is; a copy of the block is as
 * good. */
typedef struct plan {
  const char *base; /* the text of the document that it is for */
  size_t base_length;
  size_t size; /* bytes of the block */
  size_t member_count, edit_count;
  size_t patches, patches_length; /* offsets are from the block's start */
  size_t change, change_length;
} plan;

/* One member that is set. */
typedef struct plan_member {
  json_slice pointer;
  json_slice from; /* as it stood; `at` is NULL when it was not there */
  json_slice to;
} plan_member;

/* The plan of a change, JSON text with marks, in `out`, whose data begins with it then; `work` is working
 * memory. NULL: it is not plainly right on the base, or changes nothing, or there is no memory. */
const plan *plan_make(document_work *work, const document *base, json_slice change, const plan_rules *rules,
                      buffer *out);

/* After document_apply(): packs what it found into `out`, whose data begins with the plan then. `change`: the
 * text that it was made of. NULL without memory. */
const plan *plan_pack(buffer *out, const document_work *work, const document *base, json_slice change);

/* Is it for this document? */
bool plan_is_for(const plan *p, const document *base);

/* The next document, in place of what `out` held. False when it does not fit. */
bool plan_write(const plan *p, const document *base, buffer *out);

/* The member at a position below member_count, and the text that the plan was made of; both stand in the
 * block. */
plan_member plan_get(const plan *p, size_t i);
json_slice plan_change(const plan *p);

/* Adds to `list` those objects of the base in which something is set, as plan_write() writes them; they stand
 * in `room`, in place of what it held. (Anything smaller is judged again as quickly.) False without memory.
 */
bool plan_written(const plan *p, const document *base, buffer *room, json_members *list);

/* Does a document show every value that is set? `pool` is working memory. */
bool plan_is_shown(const plan *p, const document *d, json_members *pool);

/*
 * Is each member of the document that an answer does not repeat there in the answer: with the very bytes that
 * were written where the plan sets something in it, and with any value where it does not? `reading` read the
 * answer, with the document known. True says that everything that is set is shown, and nothing of the
 * document is missing; false says nothing. `pool` is working memory.
 */
bool plan_is_repeated(const plan *p, const document *base, const document *answer,
                      const document_reading *reading, json_members *pool);

#pragma GCC visibility pop

#endif
