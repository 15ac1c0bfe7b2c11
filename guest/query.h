/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters of a URL's query, as forms encode them.
 */
#ifndef GUEST_QUERY_H
#define GUEST_QUERY_H

#include "lib/base/arena.h"

/* The decoded value of the first parameter of that name, in the arena: '+' is a space, %XX a byte; ptr NULL where there
 * is none, or where it is not well-formed. Names are compared as they stand. */
slice query_value(slice query, slice name, struct arena *a);

#endif
