/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/sgx/sgx.h"

#include <stdlib.h>

#define MAX_EVIDENCE (128u << 10)

const trustee_reason sgx_reasons[SGX_CHECK_COUNT] = {
#define DCAP_REASON(symbol, id, text, remedy) \
    [DCAP_CHECK_##symbol] = {TRUSTEE_TEXT(SGX_TEE "." id), TRUSTEE_TEXT(text), TRUSTEE_TEXT(remedy)},
#include "lib/dcap/reasons.def"
#undef DCAP_REASON
#define SGX_REASON(symbol, id, text, remedy) \
    [SGX_CHECK_##symbol] = {TRUSTEE_TEXT(id), TRUSTEE_TEXT(text), TRUSTEE_TEXT(remedy)},
#include "plugins/sgx/reasons.def"
#undef SGX_REASON
};

static const trustee_option OPTIONS[] = {
    DCAP_OPTIONS,
    {.name = TRUSTEE_TEXT("later_versions"),
     .help = TRUSTEE_TEXT("accept enclaves in quotes of versions 4 and 5 too"),
     .fallback = TRUSTEE_TEXT("no"),
     .type = TRUSTEE_OPTION_BOOL},
};

static trustee_status bad_option(const struct sgx *sgx, slice why)
{
    sgx->dcap.host->log(sgx->dcap.host->ctx, TRUSTEE_LOG_ERROR, why);
    return TRUSTEE_E_CONFIG;
}

static trustee_status load_options(struct sgx *sgx, const trustee_conf *conf)
{
    const trustee_host *host = sgx->dcap.host;
    uint32_t later = 0;
    trustee_status loaded = dcap_options_load(host, conf, S(SGX_TEE), &sgx->dcap.options, &sgx->dcap.trust);
    if (loaded != TRUSTEE_OK)
        return loaded;
    if (host->conf_bool(conf, S("later_versions"), &later) != TRUSTEE_OK)
        return bad_option(sgx, S("sgx: later_versions is yes or no"));
    sgx->later_versions = later != 0;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    struct sgx *sgx = instance;
    dcap_trust_end(&sgx->dcap.trust);
    free(sgx);
}

static trustee_status init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct sgx *sgx = calloc(1, sizeof *sgx);
    if (!sgx)
        return TRUSTEE_E_NOMEM;
    sgx->dcap = (struct dcap_verifier){.host = host, .reasons = sgx_reasons, .tdx = false};
    trustee_status loaded = load_options(sgx, conf);
    if (loaded != TRUSTEE_OK) {
        fini(sgx);
        return loaded;
    }
    *instance = sgx;
    return TRUSTEE_OK;
}

const trustee_tee sgx_tee = {
    .name = TRUSTEE_TEXT(SGX_TEE),
    .device_class = TRUSTEE_TEXT("cpu"),
    .report_rule = TRUSTEE_BIND_PAD,
    .report_width = 64,
    .init_rule = TRUSTEE_BIND_PAD,
    .init_width = 64,
};

static const trustee_verifier VERIFIER = {
    .size = sizeof(trustee_verifier),
    .tee_size = sizeof(trustee_tee),
    .tees = &sgx_tee,
    .tee_count = 1,
    .max_evidence = MAX_EVIDENCE,
    .verify = sgx_verify,
    .judge_collateral = sgx_judge_collateral,
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("verifier"), .major = TRUSTEE_VERIFIER_MAJOR, .vtable = &VERIFIER},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof(trustee_plugin),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT(SGX_TEE),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee in C"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("verifies quotes of Intel SGX"),
    .options = OPTIONS,
    .option_size = sizeof(trustee_option),
    .option_count = sizeof OPTIONS / sizeof *OPTIONS,
    .reasons = sgx_reasons,
    .reason_size = sizeof(trustee_reason),
    .reason_count = SGX_CHECK_COUNT,
    .interfaces = INTERFACES,
    .interface_size = sizeof(trustee_interface),
    .interface_count = sizeof INTERFACES / sizeof *INTERFACES,
    .init = init,
    .fini = fini,
    .self_test = sgx_self_test,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);

const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &PLUGIN;
}
