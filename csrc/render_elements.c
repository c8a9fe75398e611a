#include "render_elements.h"

#include <stdlib.h>
#include <string.h>

/* An element that is not within so many slots of its place is neither kept nor looked for: many that are
 * equal but written differently share a place, and are not worth walking past each other. */
enum { TRIES = 64 };

static void insert(render_elements *elements, json_slice element) {
  size_t slot = (size_t)json_hash(element) & elements->mask;
  for (int tries = 0; tries < TRIES; tries++, slot = (slot + 1) & elements->mask) {
    json_slice *taken = &elements->slots[slot];
    if (taken->at == NULL) {
      *taken = element;
      return;
    }
    if (taken->length == element.length && memcmp(taken->at, element.at, element.length) == 0) {
      return; /* one copy serves for all */
    }
  }
}

static size_t count_of(json_slice array) {
  size_t count = 0;
  json_slice element;
  for (json_cursor cursor = json_enter(array); json_next_element(&cursor, &element);) {
    count++;
  }
  return count;
}

bool render_elements_make(render_elements *elements, json_slice array) {
  if (elements->slots != NULL) {
    return true;
  }
  size_t count = count_of(array);
  size_t size = 4;
  while (size < count * 4) {
    size *= 2;
  }
  elements->items = calloc(count + 1, sizeof *elements->items);
  elements->slots = calloc(size, sizeof *elements->slots);
  elements->mask = size - 1;
  if (elements->items == NULL || elements->slots == NULL) {
    return false;
  }
  json_slice element;
  for (json_cursor cursor = json_enter(array); json_next_element(&cursor, &element);) {
    elements->items[elements->count++] = element;
    insert(elements, element);
  }
  return true;
}

void render_elements_free(render_elements *elements) {
  free(elements->items);
  free(elements->slots);
}

json_slice render_elements_find(const render_elements *elements, json_slice value, json_comparison *how) {
  size_t slot = (size_t)json_hash(value) & elements->mask;
  for (int tries = 0; tries < TRIES && elements->slots[slot].at != NULL; tries++) {
    if (json_equal(elements->slots[slot], value, how)) {
      return elements->slots[slot];
    }
    slot = (slot + 1) & elements->mask;
  }
  return (json_slice){NULL, 0};
}
