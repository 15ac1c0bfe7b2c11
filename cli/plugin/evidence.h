/* SPDX-License-Identifier: Apache-2.0
 *
 * Evidence that nobody should believe: what breaks parsers, and documents made of the places where the plugin looks.
 */
#ifndef CLI_PLUGIN_EVIDENCE_H
#define CLI_PLUGIN_EVIDENCE_H

#include "cli/plugin/harness.h"

struct dice {
    uint64_t state;
};
struct dice dice_of(uint64_t seed);
uint64_t dice_roll(struct dice *d, uint64_t below); /* below 0: any */

/* The n-th of the fixed documents, with a name for messages; false beyond the last. In `a`. */
bool evidence_fixed(struct arena *a, size_t n, slice *text, const char **name);
/* One made at random of what the harness has learned; `valid` of ten members have the type that is asked for. */
slice evidence_random(struct arena *a, const struct harness *h, struct dice *d, unsigned valid);
/* Random bytes of one of the lengths that formats like. */
slice bytes_random(struct arena *a, struct dice *d);

#endif
