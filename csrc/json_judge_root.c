/* Judging the outermost object, whose members are kept, and of which something may be known. */
#include "json_judge_internal.h"
#include "json_scan.h"

#include <stdint.h>
#include <string.h>

static bool keep(judge *j, json_members *members, json_member member) {
  return members == NULL || json_members_push(members, member) ||
         judge_refuse(j, member.name.at, "out of memory") != NULL;
}

/* Nothing that could be part of a number or a word: what stands before it ended there. */
static bool is_boundary(char c) {
  return c == ',' || c == '}' || c == '\n' || c == ' ' || c == '\r' || c == '\t';
}

/* So many of the known do not stand here as they were. */
static bool pass(judge *j, size_t count) {
  json_members *gone = j->judgement->gone;
  for (size_t i = 0; gone != NULL && i < count; i++) {
    if (!json_members_push(gone, j->known.items[i])) {
      return judge_refuse(j, j->text, "out of memory") != NULL;
    }
  }
  if (count > 0) {
    j->known = (json_member_list){j->known.items + count, j->known.count - count};
  }
  return true;
}

/* How many bytes, of `most`, are the same from the start on. */
static size_t common_length(const char *left, const char *right, size_t most) {
  enum { STRIDE = 256 };
  uint64_t a = 0;
  uint64_t b = 0;
  size_t at = 0;
  while (most - at >= STRIDE && memcmp(left + at, right + at, STRIDE) == 0) {
    at += STRIDE;
  }
  for (; most - at >= sizeof a; at += sizeof a) {
    memcpy(&a, left + at, sizeof a);
    memcpy(&b, right + at, sizeof b);
    if (a != b) {
      break;
    }
  }
  while (at < most && left[at] == right[at]) {
    at++;
  }
  return at;
}

static const char *end_of(const json_member *member) {
  return member->value.at + member->value.length;
}

/* How many of the known members, from the first one on, stand at `at` as they were accepted before, with what
 * was between them. */
static size_t count_known(const judge *j, const char *at) {
  const json_member *known = j->known.items;
  const char *from = known->name.at;
  size_t most = (size_t)(end_of(&known[j->known.count - 1]) - from);
  size_t left = (size_t)(j->end - at);
  size_t common = common_length(at, from, left < most ? left : most);
  size_t counted = 0;
  size_t beyond = j->known.count;
  while (counted < beyond) {
    size_t middle = counted + (beyond - counted) / 2;
    if ((size_t)(end_of(&known[middle]) - from) <= common) {
      counted = middle + 1;
    } else {
      beyond = middle;
    }
  }
  size_t end = counted > 0 ? (size_t)(end_of(&known[counted - 1]) - from) : 0;
  bool ends = end < left && is_boundary(at[end]);
  return counted > 0 && !ends ? counted - 1 : counted;
}

/* Keeps the first of the known members, which stand from `name` on. */
static bool keep_known(judge *j, const char *name, size_t count) {
  json_members *members = j->judgement->members;
  const char *from = j->known.items->name.at;
  if (members == NULL) {
    return true;
  }
  size_t first = members->count;
  if (!json_members_append(members, (json_member_list){j->known.items, count})) {
    return judge_refuse(j, name, "out of memory") != NULL;
  }
  for (json_member *kept = members->items + first; kept < members->items + members->count; kept++) {
    kept->name.at = name + (kept->name.at - from);
    kept->value.at = name + (kept->value.at - from);
  }
  return true;
}

/* Takes them over: behind the last of them, or NULL when not even the first one is there. */
static const char *accept_known(judge *j, const char *name) {
  size_t count = count_known(j, name);
  if (count == 0 || !keep_known(j, name, count)) {
    return NULL;
  }
  const char *end = name + (end_of(&j->known.items[count - 1]) - j->known.items->name.at);
  j->known = (json_member_list){j->known.items + count, j->known.count - count};
  return end;
}

enum { KNOWN_AHEAD = 4 /* members that may be gone or new between two versions, without losing the place */ };

/* After a member that is not what it was: those of the known that come before it, and itself, are passed
 * over. */
static bool pass_known(judge *j, json_slice name) {
  for (size_t i = 0; i < j->known.count && i < KNOWN_AHEAD; i++) {
    const json_member *known = &j->known.items[i];
    if (known->name.length == name.length && memcmp(known->name.at, name.at, name.length) == 0) {
      return pass(j, i + 1);
    }
  }
  return true;
}

static bool keep_fresh(judge *j, const json_member *member) {
  return pass_known(j, member->name) && keep(j, j->judgement->members, *member) &&
         keep(j, j->judgement->fresh, *member);
}

/* Does the next one that was written stand here, with the same bytes? */
static bool is_written(judge *j, const char *name, json_member *member) {
  const json_member *next = j->written.items;
  size_t length = (size_t)(end_of(next) - next->name.at);
  size_t left = name < j->end ? (size_t)(j->end - name) : 0;
  if (left <= length || !is_boundary(name[length]) || common_length(name, next->name.at, length) < length) {
    return false;
  }
  *member =
      (json_member){{name, next->name.length}, {name + (next->value.at - next->name.at), next->value.length}};
  j->written = (json_member_list){next + 1, j->written.count - 1};
  j->judgement->escaped_names |= memchr(next->name.at, '\\', next->name.length) != NULL;
  return true;
}

static bool judge_member(judge *j, const char *name, json_member *member) {
  const char *value = NULL;
  j->escaped = false;
  const char *name_end = judge_name(j, name, &value);
  j->judgement->escaped_names |= j->escaped;
  const char *value_end = name_end != NULL ? judge_value(j, value, 1) : NULL;
  if (value_end == NULL) {
    return false;
  }
  *member = (json_member){{name, (size_t)(name_end - name)}, {value, (size_t)(value_end - value)}};
  return true;
}

static const char *accept_member(judge *j, const char *name) {
  const char *end = j->known.count > 0 ? accept_known(j, name) : NULL;
  if (end != NULL) {
    return end;
  }
  json_member member;
  bool written = j->written.count > 0 && is_written(j, name, &member);
  return (written || judge_member(j, name, &member)) && keep_fresh(j, &member) ? end_of(&member) : NULL;
}

const char *judge_root(judge *j, const char *at) {
  const char *next = json_skip_line(at + 1, j->end);
  if (next < j->end && *next == '}') {
    return next + 1;
  }
  do {
    at = accept_member(j, next);
    if (at == NULL) {
      return NULL;
    }
    at = json_skip_space(at, j->end);
    next = at < j->end && *at == ',' ? json_skip_line(at + 1, j->end) : NULL;
  } while (next != NULL);
  return at < j->end && *at == '}' ? at + 1 : judge_refuse(j, at, "',' or '}'");
}

bool judge_pass_rest(judge *j) {
  return pass(j, j->known.count);
}
