/* SPDX-License-Identifier: Apache-2.0 */
#include "core/attest/runtime.h"

#include "core/crypto/jose.h"

/* {"additional-evidence":…,"nonce":…,"tee-pubkey":…}, the first member only for the primary. */
static result material(const struct runtime_data *d, bool primary, struct arena *a, slice *out)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    if (primary) {
        text_lit(&t, "\"additional-evidence\":");
        if (d->additional)
            TRY(json_canonical(&t, d->additional));
        else
            text_lit(&t, "\"\"");
        text_lit(&t, ",");
    }
    text_lit(&t, "\"nonce\":");
    TRY(json_canonical(&t, d->nonce));
    text_lit(&t, ",\"tee-pubkey\":");
    TRY(json_canonical(&t, d->key));
    text_lit(&t, "}");
    *out = text_end(&t);
    ENSURE(out->ptr, NO_MEMORY);
    return OK;
}

result runtime_data_from(const json *request, struct arena *a, struct runtime_data *out)
{
    uint8_t digest[32];
    slice text;
    const json *runtime = json_get(request, S("runtime-data")), *evidence = json_get(request, S("tee-evidence"));
    *out = (struct runtime_data){.nonce = json_get(runtime, S("nonce")),
                                 .key = json_get(runtime, S("tee-pubkey")),
                                 .additional = json_get(evidence, S("additional_evidence"))};
    ENSURE(json_text(out->nonce).ptr, ATTEST_REQUEST);
    ENSURE(out->key && json_type(out->key) == TRUSTEE_NODE_OBJECT, ATTEST_REQUEST);
    ENSURE(!out->additional || json_type(out->additional) == TRUSTEE_NODE_STRING, ATTEST_REQUEST);
    TRY(material(out, true, a, &text));
    hash_sha384(text, out->primary);
    TRY(material(out, false, a, &text));
    hash_sha384(text, out->device);
    hash_sha256(text, digest);
    memcpy(out->binding, digest, sizeof out->binding);
    return OK;
}
