/* A referral's text, judged and taken apart: how a document comes to be. */
#ifndef REFERRALS_DOCUMENT_READ_H
#define REFERRALS_DOCUMENT_READ_H

#include "document.h"

#pragma GCC visibility push(hidden)

/* Working memory, reused. All zero to begin with; owns all it points to. */
typedef struct document_reading {
  json_members members; /* those of the document that was read last */
  json_members fresh;   /* of them those that the known document does not have so */
  json_members gone;    /* those of the known document that are not there as they were */
} document_reading;

/* Gives back the memory; twice is fine. */
void document_reading_free(document_reading *reading);

/* What a text may repeat; all zero: nothing. */
typedef struct document_earlier {
  const document *known;    /* the one that it is another version of */
  json_member_list written; /* those of its members in which something was set, as they were written then */
} document_earlier;

/*
 * Reads a text, over a byte order mark; what stands in it with the same bytes as earlier is not judged again.
 * The document's members belong to the reading until its next use, and its text is the text given. False with
 * the fault set: no JSON, or no object.
 */
bool document_read(document_reading *reading, json_slice text, document_earlier earlier, document *read,
                   json_fault *fault);

/* Bytes of a block that a copy of the document takes, and that copy at the block's start; it ends in NUL. */
size_t document_size(const document *d);
document *document_place(const document *d, void *block);

#pragma GCC visibility pop

#endif
