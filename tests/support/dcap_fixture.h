/* SPDX-License-Identifier: Apache-2.0
 *
 * A verifier of DCAP quotes under test: hands it a quote, gives it whatever collateral it asks for, and says what it
 * answered. No test framework in here.
 *
 *     struct dcap_fixture f;
 *     dcap_fixture_begin(&f, "tdx", trustee_plugin_describe_v1());
 *     dcap_fixture_anchor(&f, root);                        before the first judgement; likewise fake_option(&f.host,
 * …) dcap_fixture_collateral(&f, json); dcap_fixture_judge(&f, quote);                        f.host.claims,
 * f.host.reason, … dcap_fixture_end(&f);
 */
#ifndef TESTS_DCAP_FIXTURE_H
#define TESTS_DCAP_FIXTURE_H

#include "tests/support/fake_host.h"

/* What is answered when an item of the kind is asked for, whatever its key; absent: it cannot be had. */
struct dcap_items {
    trustee_collateral tcb_info, qe_identity, pck_crl, root_crl, pck;
};

struct dcap_fixture {
    struct fake_host host;
    struct arena arena;
    const char *tee;
    const trustee_plugin *plugin;
    bool loaded;
    struct dcap_items items;
    slice eventlog; /* bytes; absent: no member */
    trustee_verify_in in;
    unsigned rounds; /* of the last judgement: calls of verify() */
    trustee_collateral given[8];
    size_t given_count;
};

void dcap_fixture_begin(struct dcap_fixture *f, const char *tee, const trustee_plugin *plugin);
void dcap_fixture_end(struct dcap_fixture *f);
/* A root to trust beside Intel's. */
void dcap_fixture_anchor(struct dcap_fixture *f, slice file);
/* The JSON form with the members tcb_info, tcb_info_signature, tcb_info_issuer_chain, …; CRLs in hex. Members that are
 * not there leave their item absent. False: no JSON. */
bool dcap_fixture_collateral(struct dcap_fixture *f, slice json);
/* NULL: genuine; else the reason of the refusal, "need KIND" where collateral was missing, or "status N". */
const char *dcap_fixture_judge(struct dcap_fixture *f, slice quote);
/* The same for evidence as JSON. */
const char *dcap_fixture_judge_json(struct dcap_fixture *f, slice evidence);
/* What judge_collateral() says of an item, in the same words. */
const char *dcap_fixture_judge_item(struct dcap_fixture *f, const trustee_collateral *item,
                                    trustee_collateral_facts *facts);
/* {"quote":"…"} with the event log, where there is one. */
slice dcap_fixture_evidence(struct dcap_fixture *f, slice quote);

/* A file below TRUSTEE_VECTORS; ptr NULL where there is none, or the variable is not set. */
slice vector_file(struct arena *a, const char *name);

#endif
