/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tdx/tdx.h"

#include <stdlib.h>

#define MAX_EVIDENCE (16u << 20) /* event logs are large */

const trustee_reason tdx_reasons[TDX_CHECK_COUNT] = {
#define DCAP_REASON(symbol, id, text, remedy) \
    [DCAP_CHECK_##symbol] = {TRUSTEE_TEXT(TDX_TEE "." id), TRUSTEE_TEXT(text), TRUSTEE_TEXT(remedy)},
#include "lib/dcap/reasons.def"
#undef DCAP_REASON
#define TDX_REASON(symbol, id, text, remedy) \
    [TDX_CHECK_##symbol] = {TRUSTEE_TEXT(id), TRUSTEE_TEXT(text), TRUSTEE_TEXT(remedy)},
#include "plugins/tdx/reasons.def"
#undef TDX_REASON
};

static const trustee_option OPTIONS[] = {
    DCAP_OPTIONS,
    {.name = TRUSTEE_TEXT("require_sept_ve_disable"),
     .help = TRUSTEE_TEXT("refuse TDs without SEPT_VE_DISABLE"),
     .fallback = TRUSTEE_TEXT("yes"),
     .type = TRUSTEE_OPTION_BOOL,
     .restricted = TRUSTEE_TEXT("yes")},
    {.name = TRUSTEE_TEXT("allow_service_td"),
     .help = TRUSTEE_TEXT("accept TDs that service TDs are bound to (MRSERVICETD is not zero)"),
     .fallback = TRUSTEE_TEXT("no"),
     .type = TRUSTEE_OPTION_BOOL},
    {.name = TRUSTEE_TEXT("further_td_attributes"),
     .help = TRUSTEE_TEXT("16 hex digits: bits of a TD's attributes to accept beside DEBUG (where allowed), "
                          "SEPT_VE_DISABLE, PKS, KL and PERFMON, such as 0000000008000000 for LASS"),
     .fallback = TRUSTEE_TEXT("0000000000000000"),
     .type = TRUSTEE_OPTION_TEXT},
};

static trustee_status bad_option(const struct tdx *tdx, slice why)
{
    tdx->dcap.host->log(tdx->dcap.host->ctx, TRUSTEE_LOG_ERROR, why);
    return TRUSTEE_E_CONFIG;
}

static bool read_attributes(slice text, uint64_t *out)
{
    uint8_t bytes[8];
    size_t length;
    if (text.len != 16 || !hex_decode(bytes, sizeof bytes, text, &length) || length != sizeof bytes)
        return false;
    struct reader r = reader_of(slice_of(bytes, sizeof bytes));
    return read_u64be(&r, out);
}

static trustee_status load_options(struct tdx *tdx, const trustee_conf *conf)
{
    const trustee_host *host = tdx->dcap.host;
    uint32_t sept = 1, service = 0;
    slice further;
    trustee_status loaded = dcap_options_load(host, conf, S(TDX_TEE), &tdx->dcap.options, &tdx->dcap.trust);
    if (loaded != TRUSTEE_OK)
        return loaded;
    if (host->conf_bool(conf, S("require_sept_ve_disable"), &sept) != TRUSTEE_OK ||
        host->conf_bool(conf, S("allow_service_td"), &service) != TRUSTEE_OK)
        return bad_option(tdx, S("tdx: require_sept_ve_disable and allow_service_td are yes or no"));
    if (host->conf_text(conf, S("further_td_attributes"), &further) != TRUSTEE_OK ||
        !read_attributes(further, &tdx->further_attributes))
        return bad_option(tdx, S("tdx: further_td_attributes: 16 hex digits are wanted"));
    tdx->require_sept_ve_disable = sept != 0;
    tdx->allow_service_td = service != 0;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    struct tdx *tdx = instance;
    dcap_trust_end(&tdx->dcap.trust);
    free(tdx);
}

static trustee_status init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct tdx *tdx = calloc(1, sizeof *tdx);
    if (!tdx)
        return TRUSTEE_E_NOMEM;
    tdx->dcap = (struct dcap_verifier){.host = host, .reasons = tdx_reasons, .tdx = true};
    trustee_status loaded = load_options(tdx, conf);
    if (loaded != TRUSTEE_OK) {
        fini(tdx);
        return loaded;
    }
    *instance = tdx;
    return TRUSTEE_OK;
}

/* Init-data of SHA-512 has more bytes than MRCONFIGID: as upstream, its first 48 bind. */
const trustee_tee tdx_tee = {
    .name = TRUSTEE_TEXT(TDX_TEE),
    .device_class = TRUSTEE_TEXT("cpu"),
    .report_rule = TRUSTEE_BIND_PAD,
    .report_width = 64,
    .init_rule = TRUSTEE_BIND_TRUNCATE,
    .init_width = 48,
};

static const trustee_verifier VERIFIER = {
    .size = sizeof(trustee_verifier),
    .tee_size = sizeof(trustee_tee),
    .tees = &tdx_tee,
    .tee_count = 1,
    .max_evidence = MAX_EVIDENCE,
    .verify = tdx_verify,
    .judge_collateral = tdx_judge_collateral,
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("verifier"), .major = TRUSTEE_VERIFIER_MAJOR, .vtable = &VERIFIER},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof(trustee_plugin),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT(TDX_TEE),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee in C"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("verifies quotes of Intel TDX, and the event log beside them"),
    .options = OPTIONS,
    .option_size = sizeof(trustee_option),
    .option_count = sizeof OPTIONS / sizeof *OPTIONS,
    .reasons = tdx_reasons,
    .reason_size = sizeof(trustee_reason),
    .reason_count = TDX_CHECK_COUNT,
    .interfaces = INTERFACES,
    .interface_size = sizeof(trustee_interface),
    .interface_count = sizeof INTERFACES / sizeof *INTERFACES,
    .init = init,
    .fini = fini,
    .self_test = tdx_self_test,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);

const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &PLUGIN;
}
