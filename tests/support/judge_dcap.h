/* SPDX-License-Identifier: Apache-2.0
 *
 * Forged DCAP evidence in front of a real verifier: the fake host loads the plugin with forge's root as anchor, answers
 * its NEEDs from what forge made, and keeps the verdict. No test framework in here.
 *
 *     struct judge j;
 *     judge_begin(&j, trustee_plugin_describe_v1(), "tdx");
 *     judge_default(&j, 4, FORGE_TDX10);       j.k can be changed now
 *     judge_all(&j);                           made and judged: j.genuine, j.host.reason, …
 *     judge_quote(&j, other);                  another quote, the same collateral, a warm cache
 *     judge_end(&j);
 */
#ifndef TESTS_JUDGE_DCAP_H
#define TESTS_JUDGE_DCAP_H

#include "tests/support/fake_host.h"
#include "tests/support/forge_dcap.h"

#define FORGE_ITEMS_MAX 16
#define FORGE_ROUNDS_MAX 3

struct judge {
    struct fake_host host;
    struct arena arena;
    const trustee_plugin *plugin;
    slice tee;
    struct forge_dcap_keys keys;
    struct forge_dcap k;
    struct forge_dcap_out out;
    uint8_t report_data[48];
    slice init_data; /* what the verifier is told to expect; absent by default */
    slice eventlog;  /* member cc_eventlog; absent by default */
    slice anchor;    /* PEM; out.root_pem unless it was set */
    trustee_collateral items[FORGE_ITEMS_MAX];
    size_t item_count;
    size_t mark; /* of the arena, after what lasts */
    bool loaded, genuine;
    int rounds;   /* how often verify() was called */
    bool lacking; /* it asked for something that there is not */
};

void judge_begin(struct judge *j, const trustee_plugin *plugin, const char *tee);
void judge_end(struct judge *j);
/* Good evidence, bound to j->report_data. */
void judge_default(struct judge *j, int version, enum forge_body body);
/* An option for the plugin's next loading. */
void judge_option(struct judge *j, const char *name, const char *value);
/* Makes everything, loads the plugin (with nothing cached) and verifies. Whether it was found genuine. */
bool judge_all(struct judge *j);
/* Verifies another quote with the same plugin and collateral. */
bool judge_quote(struct judge *j, slice quote);
/* Exchanges an item's bytes or chain (where given) for the following judge_quote(); false: there is no such. */
bool judge_exchange(struct judge *j, const char *kind, slice bytes, slice chain);
/* The reason's name without the plugin's; "" when it was genuine, "need" when it lacked collateral. */
slice judge_reason(const struct judge *j);

/* Applies a case to good evidence of this version and judges it. True when it ended as the case says. */
bool judge_case(struct judge *j, const struct forge_dcap_case *c, int version, enum forge_body body);

#endif
