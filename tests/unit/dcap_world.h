/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of TCB info and QE identity share: forged statements, and files of recorded ones.
 */
#ifndef TESTS_UNIT_DCAP_WORLD_H
#define TESTS_UNIT_DCAP_WORLD_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/dcap/collateral.h"
#include "lib/json/json.h"
#include "tests/support/forge_dcap.h"

static struct arena arena, scratch;
static struct x509_trust *trust, *intel;
static struct forge_dcap_keys keys;
static struct forge_dcap kind;
static struct forge_dcap_out out;

static inline void world_begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 64 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(arena_map(&scratch, 8 << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(x509_trust_new(&intel)));
    cr_assert(!FAILED(x509_trust_add_der(intel, INTEL_SGX_ROOT_CA)));
    forge_dcap_keys_begin(&keys, NULL);
    forge_dcap_default(&kind, 4, FORGE_TDX10, FORGE_NOW);
}

static inline void world_end(void)
{
    forge_dcap_keys_end(&keys);
    x509_trust_free(trust);
    x509_trust_free(intel);
    trust = intel = NULL;
    arena_unmap(&scratch);
    arena_unmap(&arena);
}

/* Forges what `kind` says, and trusts the root that it is below. */
static inline void world_make(void)
{
    arena_reset(&arena, SIZE_MAX);
    forge_dcap_make(&arena, &keys, &kind, &out);
    x509_trust_free(trust);
    cr_assert(!FAILED(x509_trust_new(&trust)));
    cr_assert(!FAILED(x509_trust_add_der(trust, out.root)));
}

static const char *edit_from, *edit_to;
static inline slice world_edit(struct arena *a, slice text)
{
    return forge_replace(a, text, edit_from, edit_to);
}

/* --- recorded ones --------------------------------------------------------------------------------------------------
 */

/* Absent where the folder of vectors is; the test is skipped then. */
static inline slice recorded(const char *name)
{
    const char *folder = getenv("TRUSTEE_VECTORS");
    slice path = arena_printf(&arena, "%s/%s", folder ? folder : "../shared/vectors", name);
    FILE *f = fopen((const char *)path.ptr, "rb");
    if (!f)
        cr_skip_test("no vector %s", name);
    uint8_t *room = arena_alloc(&arena, 1 << 20, 1);
    size_t length = fread(room, 1, 1 << 20, f);
    fclose(f);
    return slice_of(room, length);
}

struct statement_files {
    slice answer, chain;
};

/* From the JSON that holds a quote's whole collateral. */
static inline struct statement_files recorded_statement(const char *file, const char *text, const char *member)
{
    const json *root;
    cr_assert(!FAILED(json_parse(&arena, recorded(file), &root)));
    slice chain = json_text(json_get(root, arena_printf(&arena, "%s_issuer_chain", text)));
    slice signature = json_text(json_get(root, arena_printf(&arena, "%s_signature", text)));
    slice body = json_text(json_get(root, slice_text(text)));
    slice answer =
        arena_printf(&arena, "{\"%s\":%.*s,\"signature\":\"%.*s\"}", member, SLICE_ARG(body), SLICE_ARG(signature));
    return (struct statement_files){answer, chain};
}

#endif
