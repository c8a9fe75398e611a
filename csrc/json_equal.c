#include "json_equal.h"

#include "annotation.h"
#include "json_number.h"

#include <stdlib.h>
#include <string.h>

enum {
  FEW_MEMBERS = 32,
  FEW_SEARCHES = 8, /* sorting costs about so many looks at every member */
  FEW_TO_SORT = 8   /* calling the library costs more than to sort so few */
};

static int by_name_then_place(const void *left, const void *right) {
  const json_member *a = left;
  const json_member *b = right;
  int order = json_compare_strings(a->name, b->name);
  return order != 0 ? order : (a->name.at > b->name.at) - (a->name.at < b->name.at);
}

static void sort_few(json_member *members, size_t count) {
  for (size_t i = 1; i < count; i++) {
    json_member member = members[i];
    size_t at = i;
    for (; at > 0 && by_name_then_place(&members[at - 1], &member) > 0; at--) {
      members[at] = members[at - 1];
    }
    members[at] = member;
  }
}

static void sort(json_members *pool, json_index *index) {
  json_member *members = pool->items + index->first;
  if (index->count <= FEW_TO_SORT) {
    sort_few(members, index->count);
  } else {
    qsort(members, index->count, sizeof *members, by_name_then_place);
  }
  index->sorted = true;
}

void json_index_sort(json_members *pool, json_index *index, size_t searches) {
  if (index->count > FEW_MEMBERS && searches > FEW_SEARCHES) {
    sort(pool, index);
  }
}

bool json_index_open_sorted(json_members *pool, json_slice object, json_index *index) {
  bool opened = json_index_open(pool, object, index);
  if (opened && !index->sorted && index->count > 1) {
    sort(pool, index);
  }
  return opened;
}

bool json_index_open(json_members *pool, json_slice object, json_index *index) {
  *index = (json_index){.first = pool->count};
  json_cursor cursor = json_enter(object);
  json_member member;
  while (json_next_member(&cursor, &member)) {
    if (!json_members_push(pool, member)) {
      pool->count = index->first;
      return false;
    }
  }
  index->count = pool->count - index->first;
  json_index_sort(pool, index, index->count);
  return true;
}

/* Most names differ in their first character or are the very same bytes. */
static bool same_name(json_slice a, json_slice b) {
  char x = a.at[1];
  char y = b.at[1];
  return (x == y || x == '\\' || y == '\\') && json_compare_strings(a, b) == 0;
}

static size_t find_among_few(const json_members *pool, const json_index *index, json_slice name) {
  for (size_t i = index->first + index->count; i > index->first; i--) {
    if (same_name(pool->items[i - 1].name, name)) {
      return i - 1;
    }
  }
  return SIZE_MAX;
}

size_t json_index_find(const json_members *pool, const json_index *index, json_slice name) {
  if (!index->sorted) {
    return find_among_few(pool, index, name);
  }
  size_t low = index->first;
  size_t high = index->first + index->count;
  while (low < high) { /* to the first name beyond: the one before it is the last of its name */
    size_t middle = low + (high - low) / 2;
    if (json_compare_strings(pool->items[middle].name, name) <= 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  bool found = low > index->first && json_compare_strings(pool->items[low - 1].name, name) == 0;
  return found ? low - 1 : SIZE_MAX;
}

bool json_index_counts(const json_members *pool, const json_index *index, size_t at) {
  json_slice name = pool->items[at].name;
  if (!index->sorted) {
    return find_among_few(pool, index, name) == at;
  }
  return at + 1 == index->first + index->count || json_compare_strings(pool->items[at + 1].name, name) != 0;
}

bool json_index_has_one(const json_members *pool, const json_index *index, json_slice name) {
  size_t last = json_index_find(pool, index, name);
  if (last == SIZE_MAX) {
    return false;
  }
  json_index before = {.first = index->first, .count = last - index->first, .sorted = index->sorted};
  return json_index_find(pool, &before, name) == SIZE_MAX;
}

void json_index_close(json_members *pool, const json_index *index) {
  pool->count = index->first;
}

static bool is_null(json_slice value) {
  return *value.at == 'n';
}

/* A null says what absence says, and an annotation is no member. */
static bool says_something(json_member member) {
  return !is_null(member.value) && !annotation_is(member.name);
}

/* Each member of `a` that counts has its equal in `b`. */
static bool members_equal(const json_index *a, const json_index *b, json_comparison *how) {
  json_members *pool = how->pool;
  for (size_t i = a->first; i < a->first + a->count; i++) {
    json_member member = pool->items[i];
    if (annotation_is(member.name) || !json_index_counts(pool, a, i)) {
      continue; /* a later one of the same name counts */
    }
    size_t other = json_index_find(pool, b, member.name);
    if (other == SIZE_MAX) {
      if (!is_null(member.value)) {
        return false;
      }
    } else if (!json_equal(member.value, pool->items[other].value, how)) {
      return false;
    }
  }
  return true;
}

/* Each member of `from` that says something is there in `to`. */
static bool members_present(const json_members *pool, const json_index *from, const json_index *to) {
  for (size_t i = from->first; i < from->first + from->count; i++) {
    json_member member = pool->items[i];
    bool counts = says_something(member) && json_index_counts(pool, from, i);
    if (counts && json_index_find(pool, to, member.name) == SIZE_MAX) {
      return false;
    }
  }
  return true;
}

static bool equal_objects(json_slice a, json_slice b, json_comparison *how) {
  json_members *pool = how->pool;
  json_index x;
  json_index y;
  if (!json_index_open(pool, a, &x)) {
    how->failed = true;
    return false;
  }
  bool equal = json_index_open(pool, b, &y);
  how->failed = how->failed || !equal;
  equal = equal && members_equal(&x, &y, how) && members_present(pool, &y, &x);
  json_index_close(pool, &x);
  return equal;
}

static bool equal_arrays(json_slice a, json_slice b, json_comparison *how) {
  json_cursor x = json_enter(a);
  json_cursor y = json_enter(b);
  json_slice p;
  json_slice q;
  for (;;) {
    bool more = json_next_element(&x, &p);
    if (more != json_next_element(&y, &q)) {
      return false;
    }
    if (!more || !json_equal(p, q, how)) {
      return !more;
    }
  }
}

static bool is_empty_array(json_slice array) {
  json_cursor cursor = json_enter(array);
  json_slice element;
  return !json_next_element(&cursor, &element);
}

static bool says_nothing(json_slice object) {
  json_cursor cursor = json_enter(object);
  json_member member;
  while (json_next_member(&cursor, &member)) {
    if (says_something(member)) {
      return false;
    }
  }
  return true;
}

static bool is_empty_container(json_slice value) {
  return (*value.at == '[' && is_empty_array(value)) || (*value.at == '{' && says_nothing(value));
}

static bool is_number(json_slice value) {
  return *value.at == '-' || (*value.at >= '0' && *value.at <= '9');
}

static json_slice without_quotes(json_slice string) {
  return (json_slice){string.at + 1, string.length - 2};
}

static bool equal_to_number(json_slice a, json_slice b, bool strictly) {
  if (*b.at == JSON_MARK_NUMBER) {
    json_slice unmarked = {b.at + 1, b.length - 1};
    return json_same_decimal(a, unmarked) || json_to_double(a) == json_to_double(unmarked);
  }
  if (*b.at == '"' && !strictly) {
    json_slice digits = without_quotes(b);
    return json_is_number(digits) && json_same_decimal(a, digits);
  }
  return is_number(b) && json_same_decimal(a, b);
}

bool json_equal(json_slice a, json_slice b, json_comparison *how) {
  if (a.length == b.length && memcmp(a.at, b.at, a.length) == 0) {
    return true;
  }
  if (*b.at == JSON_MARK_EMPTY) {
    return is_empty_container(a);
  }
  if (is_number(a)) {
    return equal_to_number(a, b, how->strictly);
  }
  if (*a.at != *b.at) {
    return *b.at == JSON_MARK_PLACE && json_equal(a, json_unplaced(b), how);
  }
  switch (*a.at) {
  case '"':
    return json_reads_as(a, b);
  case '[':
    return equal_arrays(a, b, how);
  case '{':
    return equal_objects(a, b, how);
  default:
    return true; /* the same literal */
  }
}

static const uint64_t HASH_SEED = 0xcbf29ce484222325u;

/* MurmurHash3's finalizer: small numbers differ in their high bits only, and tables look at the low ones. */
static uint64_t mix(uint64_t hash, uint64_t more) {
  hash ^= more;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
  return hash ^ (hash >> 33);
}

static uint64_t hash_number(json_slice number) {
  double value = json_to_double(number);
  value = value == 0 ? 0 : value; /* -0 equals 0 */
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  return mix(HASH_SEED, bits);
}

static uint64_t hash_string(json_slice string) {
  json_slice inside = without_quotes(string);
  return json_is_number(inside) ? hash_number(inside) : json_string_hash(string);
}

static uint64_t hash_elements(json_slice array) {
  uint64_t hash = HASH_SEED;
  json_cursor cursor = json_enter(array);
  json_slice element;
  while (json_next_element(&cursor, &element)) {
    hash = mix(hash, json_hash(element));
  }
  return hash;
}

static uint64_t hash_members(json_slice object) {
  uint64_t sum = HASH_SEED; /* the order does not count */
  json_cursor cursor = json_enter(object);
  json_member member;
  while (json_next_member(&cursor, &member)) {
    sum += says_something(member) ? mix(json_string_hash(member.name), json_hash(member.value)) : 0;
  }
  return sum;
}

uint64_t json_hash(json_slice value) {
  json_slice unmarked = {value.at + 1, value.length - 1};
  switch (*value.at) {
  case JSON_MARK_EMPTY:
  case JSON_MARK_ADD: /* nothing is equal to what is only to be done */
  case JSON_MARK_REMOVE:
    return HASH_SEED;
  case JSON_MARK_NUMBER:
    return hash_number(unmarked);
  case JSON_MARK_PLACE:
    return json_hash(json_unplaced(value));
  case '"':
    return hash_string(value);
  case '[':
    return hash_elements(value);
  case '{':
    return hash_members(value);
  case 't':
  case 'f':
  case 'n':
    return mix(HASH_SEED, (uint64_t)(unsigned char)*value.at);
  default:
    return hash_number(value);
  }
}
