#include "coverage.h"

#include "annotation.h"
#include "json_equal.h"

#include <string.h>

static bool covers(json_slice answer, json_slice sent, json_members *pool);

static bool same_bytes(json_slice a, json_slice b) {
  return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

static bool covers_elements(json_slice answer, json_slice sent, json_members *pool) {
  json_cursor x = json_enter(answer);
  json_cursor y = json_enter(sent);
  json_slice p;
  json_slice q;
  for (;;) {
    bool more = json_next_element(&x, &p);
    if (more != json_next_element(&y, &q)) {
      return false;
    }
    if (!more || !covers(p, q, pool)) {
      return !more;
    }
  }
}

static bool covers_by_name(json_slice answer, json_slice sent, json_members *pool) {
  json_index index;
  if (!json_index_open(pool, answer, &index)) {
    return false;
  }
  json_cursor cursor = json_enter(sent);
  json_member member;
  bool covered = true;
  while (covered && json_next_member(&cursor, &member)) {
    size_t found = json_index_find(pool, &index, member.name);
    bool there = found != SIZE_MAX && covers(pool->items[found].value, member.value, pool);
    covered = there || annotation_is(member.name);
  }
  json_index_close(pool, &index);
  return covered;
}

/* Appends a pair of values, of the answer and of what was sent, for each member, as long as both have the
 * same names in the same order; false when they do not, to the end. */
static bool pair_members(json_slice answer, json_slice sent, json_members *pool) {
  json_cursor x = json_enter(answer);
  json_cursor y = json_enter(sent);
  json_member there;
  json_member member;
  while (json_next_member(&y, &member)) {
    json_member pair = {.value = member.value};
    if (!json_next_member(&x, &there) || !same_bytes(there.name, member.name)) {
      return false;
    }
    pair.name = there.value;
    if (!json_members_push(pool, pair)) {
      return false;
    }
  }
  return !json_next_member(&x, &there);
}

/* Mostly both have the same members, which are then not looked for. */
static bool covers_members(json_slice answer, json_slice sent, json_members *pool) {
  size_t first = pool->count;
  bool paired = pair_members(answer, sent, pool);
  size_t end = pool->count;
  bool covered = paired;
  for (size_t i = first; covered && i < end; i++) {
    covered = covers(pool->items[i].name, pool->items[i].value, pool);
  }
  pool->count = first;
  return paired ? covered : covers_by_name(answer, sent, pool);
}

static bool covers(json_slice answer, json_slice sent, json_members *pool) {
  if (same_bytes(answer, sent)) {
    return true;
  }
  if (*sent.at == '{') {
    return *answer.at == '{' && covers_members(answer, sent, pool);
  }
  return *sent.at != '[' || (*answer.at == '[' && covers_elements(answer, sent, pool));
}

/* Is this member one that a document has to keep? */
static bool is_kept(const document *d, json_slice name) {
  return !document_name_is(d, name, "links", 5) && (d->unannotated || !annotation_is(name));
}

enum { FEW = 32 /* members that are looked through one by one */ };

/* The members of a document to be looked for in: where they are many, in the pool by their names. */
typedef struct root {
  const document *document;
  json_members *pool;
  json_index index;
  bool few;
} root;

static bool open_root(root *r, const document *d, size_t searches, bool plain, json_members *pool) {
  *r = (root){.document = d, .pool = pool, .index = {.first = pool->count}};
  r->few = plain && d->plain_names && (d->count <= FEW || searches == 1);
  if (r->few) {
    return true;
  }
  if (!json_members_append(pool, (json_member_list){d->members, d->count})) {
    return false;
  }
  r->index.count = d->count;
  json_index_sort(pool, &r->index, searches);
  return true;
}

/* Of several with that name the last, which counts. */
static const json_member *find(const root *r, json_slice name) {
  if (r->few) {
    return document_find(r->document, name.at + 1, name.length - 2);
  }
  size_t found = json_index_find(r->pool, &r->index, name);
  return found != SIZE_MAX ? &r->pool->items[found] : NULL;
}

bool coverage_holds(const document *answer, const document *sent, json_members *pool) {
  root there;
  bool covered = open_root(&there, answer, sent->count, sent->plain_names, pool);
  for (size_t i = 0; covered && i < sent->count; i++) {
    const json_member *member = &sent->members[i];
    if (is_kept(sent, member->name)) {
      const json_member *found = find(&there, member->name);
      covered = found != NULL && covers(found->value, member->value, pool);
    }
  }
  json_index_close(pool, &there.index);
  return covered;
}

static bool has_one(const root *r, json_slice name) {
  if (!r->few) {
    return json_index_has_one(r->pool, &r->index, name);
  }
  size_t count = 0;
  for (size_t i = 0; i < r->document->count; i++) {
    count += same_bytes(r->document->members[i].name, name);
  }
  return count == 1;
}

bool coverage_hides(const document *answer, const json_members *fresh, json_members *pool) {
  root there;
  bool single = open_root(&there, answer, fresh->count, true, pool);
  for (size_t i = 0; single && i < fresh->count; i++) {
    single = has_one(&there, fresh->items[i].name);
  }
  json_index_close(pool, &there.index);
  return !single;
}
