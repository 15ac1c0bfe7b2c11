/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/snp/snp.h"

#include <stdlib.h>

#define MAX_EVIDENCE (128 * 1024)

const trustee_reason snp_reasons[SNP_REASON_COUNT] = {
#define SNP_REASON(symbol, id, text, remedy) \
    [REFUSED_##symbol] = {TRUSTEE_TEXT(id), TRUSTEE_TEXT(text), TRUSTEE_TEXT(remedy)},
#include "plugins/snp/reasons.def"
#undef SNP_REASON
};

#define FLAG(option, what)                                                                        \
    {                                                                                             \
        .name = TRUSTEE_TEXT(option), .help = TRUSTEE_TEXT(what), .fallback = TRUSTEE_TEXT("no"), \
        .type = TRUSTEE_OPTION_BOOL                                                               \
    }
#define TEXT(option, otherwise, what)                                                                  \
    {                                                                                                  \
        .name = TRUSTEE_TEXT(option), .help = TRUSTEE_TEXT(what), .fallback = TRUSTEE_TEXT(otherwise), \
        .type = TRUSTEE_OPTION_TEXT                                                                    \
    }
#define MINIMUM(option, what)                                                                 \
    {                                                                                         \
        .name = TRUSTEE_TEXT(option), .help = TRUSTEE_TEXT(what), .type = TRUSTEE_OPTION_TEXT \
    }

static const trustee_option OPTIONS[] = {
    FLAG("allow_debug", "accept guests that the host may debug"),
    FLAG("allow_migration", "accept guests whose policy allows a migration agent"),
    FLAG("allow_masked_chip_id", "accept a VCEK in the evidence although the host masks which chip it is"),
    {.name = TRUSTEE_TEXT("require_alias_check"),
     .help = TRUSTEE_TEXT("refuse platforms that have not completed the check for aliased memory"),
     .fallback = TRUSTEE_TEXT("no"),
     .type = TRUSTEE_OPTION_BOOL,
     .restricted = TRUSTEE_TEXT("yes")},
    FLAG("require_committed_firmware", "refuse platforms whose running firmware is newer than what they committed to"),
    TEXT("vmpl", "0", "privilege levels that reports may be asked for from, separated by commas"),
    TEXT("keys", "vcek, vlek", "kinds of signing keys that are accepted, separated by commas"),
    {.name = TRUSTEE_TEXT("crl"),
     .help = TRUSTEE_TEXT("AMD's revocation lists: required, used where one is at hand, or off"),
     .fallback = TRUSTEE_TEXT("used"),
     .type = TRUSTEE_OPTION_TEXT,
     .restricted = TRUSTEE_TEXT("required")},
    MINIMUM("minimum_tcb_milan", "lowest reported firmware of Milan: BOOTLOADER.TEE.SNP.MICROCODE"),
    MINIMUM("minimum_tcb_genoa", "lowest reported firmware of Genoa: BOOTLOADER.TEE.SNP.MICROCODE"),
    MINIMUM("minimum_tcb_turin", "lowest reported firmware of Turin: FMC.BOOTLOADER.TEE.SNP.MICROCODE"),
    TEXT("required_launch_mitigations", "0x0",
         "bits that LAUNCH_MIT_VECTOR must have, in hex (reports from version 5)"),
    TEXT("required_current_mitigations", "0x0",
         "bits that CURRENT_MIT_VECTOR must have, in hex (reports from version 5)"),
    {.name = TRUSTEE_TEXT("minimum_report_version"),
     .help = TRUSTEE_TEXT("lowest version of reports; the processor is signed from 3 on"),
     .fallback = TRUSTEE_TEXT("2"),
     .type = TRUSTEE_OPTION_NUMBER,
     .min = SNP_REPORT_VERSION_MIN,
     .max = SNP_REPORT_VERSION_MAX},
    {.name = TRUSTEE_TEXT("generation"),
     .help = TRUSTEE_TEXT("a further generation of processors: NAME FAMILY FIRST-LAST milan|turin [MINIMUM]"),
     .type = TRUSTEE_OPTION_TEXT,
     .flags = TRUSTEE_OPTION_MANY},
    {.name = TRUSTEE_TEXT("trust_anchor"),
     .help = TRUSTEE_TEXT("PEM file with an ARK, beside AMD's own, and perhaps the ASK and ASVK below it"),
     .type = TRUSTEE_OPTION_FILE,
     .flags = TRUSTEE_OPTION_MANY},
};

/* --- options -------------------------------------------------------------------------------------------------------
 */

static trustee_status bad_option(const struct snp *snp, slice why)
{
    snp->host->log(snp->host->ctx, TRUSTEE_LOG_ERROR, why);
    return TRUSTEE_E_CONFIG;
}

static bool load_flags(struct snp *snp, const trustee_conf *conf)
{
    const struct {
        slice name;
        bool *out;
    } flags[] = {
        {S("allow_debug"), &snp->allow_debug},
        {S("allow_migration"), &snp->allow_migration},
        {S("allow_masked_chip_id"), &snp->allow_masked_chip_id},
        {S("require_alias_check"), &snp->require_alias_check},
        {S("require_committed_firmware"), &snp->require_committed_firmware},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        uint32_t truth = 0;
        if (snp->host->conf_bool(conf, flags[i].name, &truth) != TRUSTEE_OK)
            return false;
        *flags[i].out = truth != 0;
    }
    return true;
}

/* A list of names; bit n of *out for the n-th of `names`. */
static bool load_list(const struct snp *snp, const trustee_conf *conf, slice option, const slice *names, size_t count,
                      unsigned *out)
{
    slice list, part;
    *out = 0;
    if (snp->host->conf_text(conf, option, &list) != TRUSTEE_OK)
        return false;
    while (slice_split(&list, ',', &part)) {
        size_t i = 0;
        while (i < count && !slice_equal(names[i], slice_trim(part)))
            i++;
        if (i == count)
            return false;
        *out |= 1u << i;
    }
    return *out != 0;
}

static bool load_crl(struct snp *snp, const trustee_conf *conf)
{
    static const slice uses[] = {
        [SNP_CRL_USED] = TRUSTEE_TEXT("used"),
        [SNP_CRL_REQUIRED] = TRUSTEE_TEXT("required"),
        [SNP_CRL_OFF] = TRUSTEE_TEXT("off"),
    };
    slice text;
    if (snp->host->conf_text(conf, S("crl"), &text) != TRUSTEE_OK)
        return false;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (slice_equal(text, uses[i])) {
            snp->crl = (enum snp_crl_use)i;
            return true;
        }
    return false;
}

/* "0x…" with at most 16 digits. */
static bool load_bits(const struct snp *snp, const trustee_conf *conf, slice option, uint64_t *out)
{
    uint8_t digits[16] = {'0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0'}, bytes[8];
    slice text;
    size_t length;
    if (snp->host->conf_text(conf, option, &text) != TRUSTEE_OK || !slice_starts(text, S("0x")) || text.len < 3 ||
        text.len > 2 + sizeof digits)
        return false;
    memcpy(digits + sizeof digits - (text.len - 2), text.ptr + 2, text.len - 2);
    if (!hex_decode(bytes, sizeof bytes, slice_of(digits, sizeof digits), &length))
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *out = *out << 8 | bytes[i];
    return true;
}

static trustee_status load_checks(struct snp *snp, const trustee_conf *conf)
{
    static const slice vmpls[] = {TRUSTEE_TEXT("0"), TRUSTEE_TEXT("1"), TRUSTEE_TEXT("2"), TRUSTEE_TEXT("3")};
    static const slice kinds[] = {[SNP_VCEK] = TRUSTEE_TEXT("vcek"), [SNP_VLEK] = TRUSTEE_TEXT("vlek")};
    uint64_t version;
    if (!load_flags(snp, conf))
        return bad_option(snp, S("snp: allow_… and require_… are yes or no"));
    if (!load_list(snp, conf, S("vmpl"), vmpls, sizeof vmpls / sizeof *vmpls, &snp->vmpls))
        return bad_option(snp, S("snp: vmpl: a list of 0 to 3 is wanted"));
    if (!load_list(snp, conf, S("keys"), kinds, sizeof kinds / sizeof *kinds, &snp->kinds))
        return bad_option(snp, S("snp: keys: a list of vcek and vlek is wanted"));
    if (!load_crl(snp, conf))
        return bad_option(snp, S("snp: crl: required, used or off is wanted"));
    if (!load_bits(snp, conf, S("required_launch_mitigations"), &snp->launch_mitigations) ||
        !load_bits(snp, conf, S("required_current_mitigations"), &snp->current_mitigations))
        return bad_option(snp, S("snp: required_…_mitigations: a number such as 0x3 is wanted"));
    if (snp->host->conf_u64(conf, S("minimum_report_version"), &version) != TRUSTEE_OK ||
        version < SNP_REPORT_VERSION_MIN || version > SNP_REPORT_VERSION_MAX)
        return bad_option(snp, S("snp: minimum_report_version: 2 to 5 is wanted"));
    snp->minimum_version = (uint32_t)version;
    return TRUSTEE_OK;
}

/* "minimum_tcb_milan" of "Milan" */
static bool load_minimum(struct snp *snp, const trustee_conf *conf, slice option, struct snp_generation *g)
{
    slice text;
    if (snp->host->conf_text(conf, option, &text) != TRUSTEE_OK)
        return true;
    g->has_minimum = snp_tcb_parse(text, &g->minimum) && g->minimum.has_fmc == (g->layout == SNP_TCB_TURIN);
    return g->has_minimum;
}

static trustee_status load_generations(struct snp *snp, const trustee_conf *conf)
{
    static const slice options[] = {TRUSTEE_TEXT("minimum_tcb_milan"), TRUSTEE_TEXT("minimum_tcb_genoa"),
                                    TRUSTEE_TEXT("minimum_tcb_turin")};
    slice text;
    snp_generations_known(&snp->generations);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (!load_minimum(snp, conf, options[i], &snp->generations.list[i]))
            return bad_option(snp,
                              S("snp: minimum_tcb_…: BOOTLOADER.TEE.SNP.MICROCODE is wanted, for Turin FMC first"));
    for (uint64_t n = 0; snp->host->conf_nth(conf, S("generation"), n, &text) == TRUSTEE_OK; n++)
        if (!snp_generations_add(&snp->generations, text))
            return bad_option(snp, S("snp: generation: NAME FAMILY FIRST-LAST milan|turin [MINIMUM] is wanted, such as "
                                     "Venice 0x1a 0x50-0x5f turin, of processors that are no other's"));
    return TRUSTEE_OK;
}

static trustee_status load_anchors(struct snp *snp, const trustee_conf *conf)
{
    slice pem;
    result r = snp_anchors_new(true, &snp->anchors);
    if (FAILED(r))
        return r.reason == NO_MEMORY ? TRUSTEE_E_NOMEM : TRUSTEE_E_INTERNAL;
    for (uint64_t n = 0; snp->host->conf_file(conf, S("trust_anchor"), n, &pem) == TRUSTEE_OK; n++)
        if (FAILED(snp_anchors_add_pem(snp->anchors, pem)))
            return bad_option(snp, S("snp: trust_anchor: one ARK-NAME is wanted, and perhaps SEV-NAME and "
                                     "SEV-VLEK-NAME signed by it"));
    return TRUSTEE_OK;
}

/* --- life cycle ----------------------------------------------------------------------------------------------------
 */

static void fini(void *instance)
{
    struct snp *snp = instance;
    snp_anchors_free(snp->anchors);
    free(snp);
}

static trustee_status init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct snp *snp = calloc(1, sizeof *snp);
    if (!snp)
        return TRUSTEE_E_NOMEM;
    snp->host = host;
    trustee_status loaded = load_checks(snp, conf);
    if (loaded == TRUSTEE_OK)
        loaded = load_generations(snp, conf);
    if (loaded == TRUSTEE_OK)
        loaded = load_anchors(snp, conf);
    if (loaded != TRUSTEE_OK) {
        fini(snp);
        return loaded;
    }
    *instance = snp;
    return TRUSTEE_OK;
}

/* --- descriptor ----------------------------------------------------------------------------------------------------
 */

static const trustee_tee TEES[] = {
    {.name = TRUSTEE_TEXT(SNP_TEE),
     .device_class = TRUSTEE_TEXT("cpu"),
     .report_rule = TRUSTEE_BIND_PAD,
     .report_width = 64,
     .init_rule = TRUSTEE_BIND_TRUNCATE,
     .init_width = 32},
};

static const trustee_verifier VERIFIER = {
    .size = sizeof(trustee_verifier),
    .tee_size = sizeof(trustee_tee),
    .tees = TEES,
    .tee_count = sizeof TEES / sizeof *TEES,
    .max_evidence = MAX_EVIDENCE,
    .verify = snp_verify,
    .judge_collateral = snp_judge_collateral,
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("verifier"), .major = TRUSTEE_VERIFIER_MAJOR, .vtable = &VERIFIER},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof(trustee_plugin),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("snp"),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee in C"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("verifies attestation reports of AMD SEV-SNP"),
    .options = OPTIONS,
    .option_size = sizeof(trustee_option),
    .option_count = sizeof OPTIONS / sizeof *OPTIONS,
    .reasons = snp_reasons,
    .reason_size = sizeof(trustee_reason),
    .reason_count = SNP_REASON_COUNT,
    .interfaces = INTERFACES,
    .interface_size = sizeof(trustee_interface),
    .interface_count = sizeof INTERFACES / sizeof *INTERFACES,
    .init = init,
    .fini = fini,
    .self_test = snp_self_test,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);

const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &PLUGIN;
}
