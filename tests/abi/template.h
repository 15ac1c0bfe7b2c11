/* SPDX-License-Identifier: Apache-2.0
 *
 * A verifier plugin that is right. Each file of this folder defines what it wants to be wrong, and includes this.
 * PLUGIN_NAME is required; everything else has a default.
 */
#include <stdlib.h>
#include <trustee/verifier.h>

#ifndef MAGIC
#define MAGIC TRUSTEE_PLUGIN_MAGIC
#endif
#ifndef DESCRIPTOR_SIZE
#define DESCRIPTOR_SIZE sizeof(trustee_plugin)
#endif
#ifndef VERIFIER_SIZE
#define VERIFIER_SIZE sizeof(trustee_verifier)
#endif
#ifndef FLAGS_REQUIRED
#define FLAGS_REQUIRED 0
#endif
#ifndef FLAGS_OPTIONAL
#define FLAGS_OPTIONAL 0
#endif
#ifndef THREADS
#define THREADS TRUSTEE_THREADS_SERIAL
#endif
#ifndef TEES
#define TEES                                                                                       \
    {                                                                                              \
        TRUSTEE_TEXT(PLUGIN_NAME), TRUSTEE_TEXT("cpu"), TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_PAD, 48 \
    }
#endif
#ifndef OPTIONS
#define OPTIONS                                                                                  \
    {                                                                                            \
        TRUSTEE_TEXT("note"), TRUSTEE_TEXT("Any text"), {NULL, 0}, TRUSTEE_OPTION_TEXT, 0, 0, 0, \
        {                                                                                        \
            NULL, 0                                                                              \
        }                                                                                        \
    }
#endif
#ifndef REASON_ID
#define REASON_ID PLUGIN_NAME ".bad"
#endif
#ifndef INIT_STATUS
#define INIT_STATUS TRUSTEE_OK
#endif
#ifndef OPTION_SIZE
#define OPTION_SIZE sizeof(trustee_option)
#endif
#ifndef SELF_TEST
#define SELF_TEST NULL
#endif
#ifndef VERIFY
#define VERIFY verify
#define UNUSED_VERIFY
#endif

static const trustee_host *host;
static const trustee_tee tees[] = {TEES};
static const trustee_option options[] = {OPTIONS};
static const trustee_reason reasons[] = {
    {TRUSTEE_TEXT(REASON_ID), TRUSTEE_TEXT("it is bad"), TRUSTEE_TEXT("make it good")},
};

#ifndef OWN_VERIFY
UNUSED_VERIFY static trustee_status verify(void *instance, trustee_request *req, const trustee_verify_in *in,
                                           trustee_verify_out *out)
{
    const trustee_slice field = TRUSTEE_TEXT("/report_data");
    (void)instance;
    trustee_status status = host->value_base64(req, in->evidence, field, TRUSTEE_BASE64_STD, &out->report_data);
    if (status == TRUSTEE_OK)
        out->verdict = TRUSTEE_VERDICT_GENUINE;
    return status;
}
#else
static trustee_status verify(void *instance, trustee_request *req, const trustee_verify_in *in,
                             trustee_verify_out *out);
#endif

#ifdef JUDGE
static trustee_status JUDGE(void *instance, trustee_request *req, const trustee_collateral *item, int64_t now,
                            trustee_collateral_facts *out);
#endif

static trustee_status init(const trustee_host *given, const trustee_conf *conf, void **instance)
{
    const trustee_slice why = TRUSTEE_TEXT("the moon is not full");
    (void)conf;
    host = given;
    *instance = NULL;
    if (INIT_STATUS != TRUSTEE_OK)
        host->log(host->ctx, TRUSTEE_LOG_ERROR, why);
    return INIT_STATUS;
}

static void fini(void *instance)
{
    (void)instance;
}

static const struct {
    trustee_verifier own;
    uint64_t later[4]; /* what a newer version might have */
} verifier = {
    {
        .size = VERIFIER_SIZE,
        .tee_size = sizeof(trustee_tee),
        .tees = tees,
        .tee_count = sizeof tees / sizeof *tees,
        .verify = VERIFY,
#ifdef JUDGE
        .judge_collateral = JUDGE,
#endif
    },
    {1, 2, 3, 4},
};

static const trustee_interface interfaces[] = {
    {.kind = TRUSTEE_TEXT("verifier"), .major = TRUSTEE_VERIFIER_MAJOR, .vtable = &verifier},
};

static const struct {
    trustee_plugin own;
    uint64_t later[4];
} plugin = {
    {
        .size = DESCRIPTOR_SIZE,
        .abi_minor = TRUSTEE_ABI_MINOR,
        .magic = MAGIC,
        .flags_required = FLAGS_REQUIRED,
        .flags_optional = FLAGS_OPTIONAL,
        .thread_model = THREADS,
        .name = TRUSTEE_TEXT(PLUGIN_NAME),
        .version = TRUSTEE_TEXT("1.0"),
        .vendor = TRUSTEE_TEXT("tests"),
        .license = TRUSTEE_TEXT("Apache-2.0"),
        .description = TRUSTEE_TEXT("for tests"),
        .options = options,
        .option_size = OPTION_SIZE,
        .option_count = sizeof options / sizeof *options,
        .reasons = reasons,
        .reason_size = sizeof(trustee_reason),
        .reason_count = sizeof reasons / sizeof *reasons,
        .interfaces = interfaces,
        .interface_size = sizeof(trustee_interface),
        .interface_count = sizeof interfaces / sizeof *interfaces,
        .init = init,
        .fini = fini,
        .self_test = SELF_TEST,
    },
    {5, 6, 7, 8},
};

#ifndef ENTRY
#define ENTRY trustee_plugin_describe_v1
#endif
TRUSTEE_PLUGIN_EXPORT const trustee_plugin *ENTRY(void);
const trustee_plugin *ENTRY(void)
{
    return &plugin.own;
}
