/* OData annotations ("@odata.context", "team@odata.type"): the service's remarks, never members to write. */
#ifndef REFERRALS_ANNOTATION_H
#define REFERRALS_ANNOTATION_H

#include "json.h"

#pragma GCC visibility push(hidden)

/* Whether a name (with its quotes) is an annotation's. */
bool annotation_is(json_slice name);

/* Whether annotations may stand inside this value, at any depth. `escaped`: a \u escape may stand in it, as
 * which a character of theirs may be written too: \u0040 is "@". */
bool annotation_within(json_slice value, bool escaped);

/* Appends the value without the annotations inside it, all else byte for byte. False when `out` cannot hold
 * it. */
bool annotation_strip(json_slice value, buffer *out);

#pragma GCC visibility pop

#endif
