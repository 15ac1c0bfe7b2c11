/* SPDX-License-Identifier: Apache-2.0
 *
 * Verifier of the TEEs "sample" and "sampledevice", which prove nothing: they stand in for hardware in tests and first
 * steps, and the service refuses them unless it is told allow_insecure = yes.
 *
 * This is also the template for verifiers of your own: copy the folder, rename, and follow README.md. It needs nothing
 * but <trustee/verifier.h>.
 *
 *     evidence   {"svn": "1", "report_data": "<base64>"}
 *     claims     svn, and for "sample" launch_digest, platform_version and debug
 */
#include <stdlib.h>
#include <string.h>
#include <trustee/verifier.h>

#define TEXT(literal) ((trustee_slice)TRUSTEE_TEXT(literal))

/* What lives from init to fini. Nothing of a request is ever kept here. */
struct sample {
    const trustee_host *host;
};

static const trustee_tee tees[] = {
    {TRUSTEE_TEXT("sample"), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_ECHO, 0},
    {TRUSTEE_TEXT("sampledevice"), TRUSTEE_TEXT("gpu"), TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_NONE, 0},
};

static const trustee_reason reasons[] = {
    {TRUSTEE_TEXT("sample.evidence"), TRUSTEE_TEXT("the evidence is not {\"svn\", \"report_data\"}, both text"),
     TRUSTEE_TEXT("use a sample attester")},
    {TRUSTEE_TEXT("sample.report_data"), TRUSTEE_TEXT("the evidence answers another challenge, or carries another key"),
     TRUSTEE_TEXT("gather evidence for this challenge")},
};

static int equal(trustee_slice a, trustee_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static trustee_status reject(const trustee_host *host, trustee_request *req, const trustee_reason *why)
{
    host->reject(req, why->id, why->text);
    return TRUSTEE_REJECT;
}

/* What only a CPU has. */
static void put_platform(const trustee_host *host, trustee_writer *w)
{
    host->put_bool(w, TEXT("debug"), 0);
    host->put_text(w, TEXT("launch_digest"), TEXT("abcde"));
    host->put_object(w, TEXT("platform_version"));
    host->put_i64(w, TEXT("major"), 1);
    host->put_i64(w, TEXT("minor"), 4);
    host->put_end(w);
}

static trustee_status verify(void *instance, trustee_request *req, const trustee_verify_in *in, trustee_verify_out *out)
{
    const trustee_host *host = ((struct sample *)instance)->host;
    trustee_slice svn, text, report_data;

    /* 1. Read the evidence. A real verifier checks signatures and certificates here. */
    if (host->value_text(req, in->evidence, TEXT("/svn"), &svn) != TRUSTEE_OK ||
        host->value_text(req, in->evidence, TEXT("/report_data"), &text) != TRUSTEE_OK ||
        host->value_base64(req, in->evidence, TEXT("/report_data"), TRUSTEE_BASE64_STD, &report_data) != TRUSTEE_OK)
        return reject(host, req, &reasons[0]);

    /* 2. Check that it was made for this challenge and this key. */
    int bound = trustee_bind_equal(report_data, in->report_data, TRUSTEE_BIND_EXACT, 0);
    host->check(req, TEXT("sample.report_data"), (uint32_t)bound, TEXT(""), TEXT(""));
    if (!bound)
        return reject(host, req, &reasons[1]);

    /* 3. Write the claims. */
    host->put_text(out->claims, TEXT("svn"), svn);
    if (equal(in->tee, tees[0].name))
        put_platform(host, out->claims);

    /* 4. Return the signed fields, which the service compares once more, and the verdict. */
    out->report_data = report_data;
    out->report_data_claim = text;
    out->verdict = TRUSTEE_VERDICT_GENUINE;
    return TRUSTEE_OK;
}

static trustee_status init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct sample *self = calloc(1, sizeof *self);
    (void)conf;
    if (!self)
        return TRUSTEE_E_NOMEM;
    self->host = host;
    *instance = self;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    free(instance);
}

static const trustee_verifier verifier = {
    .size = sizeof(trustee_verifier),
    .tee_size = sizeof(trustee_tee),
    .tees = tees,
    .tee_count = sizeof tees / sizeof *tees,
    .max_evidence = 4096,
    .verify = verify,
};

static const trustee_interface interfaces[] = {
    {.kind = TRUSTEE_TEXT("verifier"), .major = TRUSTEE_VERIFIER_MAJOR, .vtable = &verifier},
};

static const trustee_plugin plugin = {
    .size = sizeof(trustee_plugin),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .flags_required = TRUSTEE_PLUGIN_INSECURE, /* a real verifier has 0 here */
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("sample"),
    .version = TRUSTEE_TEXT("1.0"),
    .vendor = TRUSTEE_TEXT("the Trustee authors"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("TEEs for tests, which prove nothing"),
    .reasons = reasons,
    .reason_size = sizeof(trustee_reason),
    .reason_count = sizeof reasons / sizeof *reasons,
    .interfaces = interfaces,
    .interface_size = sizeof(trustee_interface),
    .interface_count = sizeof interfaces / sizeof *interfaces,
    .init = init,
    .fini = fini,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);

const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &plugin;
}
