/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/switches.h"

void switch_claims(const struct config *config, struct trustee_writer *w)
{
    const char *names[CONFIG_SWITCHES_MAX];
    size_t count = config_switches(config, names);
    claims_object(w, S("trustee"));
    claims_array(w, S("switches"));
    for (size_t i = 0; i < count; i++)
        claims_text(w, NO_SLICE, slice_text(names[i]));
    claims_close(w);
    claims_close(w);
}
