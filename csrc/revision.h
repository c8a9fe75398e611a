/*
 * A change on its way to the version that it is for: the answer to a read is judged, and the write that
 * follows is made of it, without Lua and on whatever thread the answer came. So no more time lies between the
 * two than that takes. Whatever is not plain is left to somebody else.
 */
#ifndef REFERRALS_REVISION_H
#define REFERRALS_REVISION_H

#include "client_pause.h"
#include "etag.h"
#include "http.h"
#include "plan.h"
#include "uuid.h"

#pragma GCC visibility push(hidden)

typedef enum revision_stage {
  REVISION_ASKED,  /* nothing came yet that is a referral with that id and an entity tag of its own */
  REVISION_READ,   /* that came, and the change is not plain on it, or nothing may be sent now */
  REVISION_WRITTEN /* that came, and the write that follows was begun */
} revision_stage;

/* Used by one thread at a time, and again and again. Owns all it points to, and holds the two that are
 * shared. */
typedef struct revision {
  /* What is to be done. */
  buffer id;     /* the referral's */
  buffer change; /* JSON text with marks */
  const plan_rules *rules;
  client_pause *pause;
  double deadline;                 /* of it all, by http_now() */
  http_request request;            /* the write, without its body */
  buffer url;                      /* of it */
  buffer lines;                    /* its headers, without If-Match; see header_lines.h */
  char request_id[UUID_TEXT_SIZE]; /* its client-request-id */

  /* What came of it. */
  revision_stage stage;
  document held; /* what was read */
  document_reading reading;
  buffer text;    /* of that */
  etag_value tag; /* the If-Match value of that */
  buffer plan;    /* begins with the plan, once the stage is REVISION_WRITTEN; before, working memory */
  document_work work;
} revision;

/* NULL without memory. */
revision *revision_new(void);

/* Wipes what may hold a secret. Takes NULL. */
void revision_free(revision *r);

/* The next update of the referral with that id. False without memory. */
bool revision_begin(revision *r, json_slice id, json_slice change, const plan_rules *rules,
                    client_pause *pause);

/* What the exchange of the read, or its job, gets; the context is the revision. The answer stays as it was
 * unless it came to be held. */
extern const http_sequel revision_sequel;

/* The write: one header line after another, and then `request` without its body. Lines and URL are copied.
 * False without memory, be it for a line. */
void revision_add_line(void *revision, const char *start, const char *value, size_t length);
bool revision_set_request(revision *r, const http_request *request);

/* It served its update. What a large referral took is given back. */
void revision_let_go(revision *r);

/* Is this answer a complete one that says yes and has a body? NULL is none. */
bool revision_is_good(const http_result *result);

/* Is this document about the referral with that id? */
bool revision_is_about(const document *d, json_slice id);

#pragma GCC visibility pop

#endif
