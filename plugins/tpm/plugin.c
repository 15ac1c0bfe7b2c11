/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tpm/tpm.h"

#include <stdlib.h>

#define MAX_EVIDENCE (128 * 1024)

const trustee_reason tpm_reasons[TPM_REASON_COUNT] = {
#define TPM_REASON(symbol, id, text, remedy) \
    [REFUSED_##symbol] = {TRUSTEE_TEXT(id), TRUSTEE_TEXT(text), TRUSTEE_TEXT(remedy)},
#include "plugins/tpm/reasons.def"
#undef TPM_REASON
};

static const trustee_option OPTIONS[] = {
    {.name = TRUSTEE_TEXT("schemes"),
     .help = TRUSTEE_TEXT("signature schemes that are accepted, separated by commas"),
     .fallback = TRUSTEE_TEXT(TPM_SCHEMES),
     .type = TRUSTEE_OPTION_TEXT},
    {.name = TRUSTEE_TEXT("ak_ca"),
     .help = TRUSTEE_TEXT("PEM file of CA certificates that a certificate of an attestation key must lead to"),
     .type = TRUSTEE_OPTION_FILE,
     .flags = TRUSTEE_OPTION_MANY},
    {.name = TRUSTEE_TEXT("require_ak_certificate"),
     .help = TRUSTEE_TEXT("refuse attestation keys that come without a certificate of one of ak_ca"),
     .fallback = TRUSTEE_TEXT("no"),
     .type = TRUSTEE_OPTION_BOOL},
    {.name = TRUSTEE_TEXT("require_safe_clock"),
     .help = TRUSTEE_TEXT("refuse quotes whose TPM says that its clock may have gone back"),
     .fallback = TRUSTEE_TEXT("no"),
     .type = TRUSTEE_OPTION_BOOL},
};

static const struct {
    slice name;
    enum signature_scheme scheme;
    enum hash hash;
} SCHEMES[] = {
    {TRUSTEE_TEXT("rsassa-sha256"), SIGNATURE_RSASSA, HASH_SHA256},
    {TRUSTEE_TEXT("rsassa-sha384"), SIGNATURE_RSASSA, HASH_SHA384},
    {TRUSTEE_TEXT("rsassa-sha512"), SIGNATURE_RSASSA, HASH_SHA512},
    {TRUSTEE_TEXT("rsapss-sha256"), SIGNATURE_RSAPSS, HASH_SHA256},
    {TRUSTEE_TEXT("rsapss-sha384"), SIGNATURE_RSAPSS, HASH_SHA384},
    {TRUSTEE_TEXT("rsapss-sha512"), SIGNATURE_RSAPSS, HASH_SHA512},
    {TRUSTEE_TEXT("ecdsa-sha256"), SIGNATURE_ECDSA, HASH_SHA256},
    {TRUSTEE_TEXT("ecdsa-sha384"), SIGNATURE_ECDSA, HASH_SHA384},
    {TRUSTEE_TEXT("ecdsa-sha512"), SIGNATURE_ECDSA, HASH_SHA512},
};
#define SCHEME_COUNT (sizeof SCHEMES / sizeof *SCHEMES)

bool tpm_schemes(slice list, uint32_t *out)
{
    slice part;
    *out = 0;
    while (slice_split(&list, ',', &part)) {
        size_t i = 0;
        while (i < SCHEME_COUNT && !slice_equal(SCHEMES[i].name, slice_trim(part)))
            i++;
        if (i == SCHEME_COUNT)
            return false;
        *out |= TPM_SCHEME_BIT(SCHEMES[i].scheme, SCHEMES[i].hash);
    }
    return *out != 0;
}

slice tpm_scheme_name(enum signature_scheme scheme, enum hash hash)
{
    for (size_t i = 0; i < SCHEME_COUNT; i++)
        if (SCHEMES[i].scheme == scheme && SCHEMES[i].hash == hash)
            return SCHEMES[i].name;
    return NO_SLICE;
}

/* --- life cycle
 * ------------------------------------------------------------------------------------------------------- */

static trustee_status bad_option(const struct tpm *tpm, slice why)
{
    tpm->host->log(tpm->host->ctx, TRUSTEE_LOG_ERROR, why);
    return TRUSTEE_E_CONFIG;
}

static trustee_status load_ca(struct tpm *tpm, const trustee_conf *conf)
{
    slice pem;
    if (FAILED(x509_trust_new(&tpm->ak_ca)))
        return TRUSTEE_E_NOMEM;
    for (uint64_t n = 0; tpm->host->conf_file(conf, S("ak_ca"), n, &pem) == TRUSTEE_OK; n++)
        if (FAILED(x509_trust_add_pem(tpm->ak_ca, pem)))
            return bad_option(tpm, S("tpm: ak_ca: the file has no PEM certificate, or something else besides"));
    return TRUSTEE_OK;
}

static trustee_status load_options(struct tpm *tpm, const trustee_conf *conf)
{
    const trustee_host *host = tpm->host;
    slice schemes;
    uint32_t certificate = 0, clock = 0;
    if (host->conf_text(conf, S("schemes"), &schemes) != TRUSTEE_OK || !tpm_schemes(schemes, &tpm->schemes))
        return bad_option(tpm, S("tpm: schemes: a list of " TPM_SCHEMES " is wanted"));
    if (host->conf_bool(conf, S("require_ak_certificate"), &certificate) != TRUSTEE_OK ||
        host->conf_bool(conf, S("require_safe_clock"), &clock) != TRUSTEE_OK)
        return bad_option(tpm, S("tpm: require_ak_certificate and require_safe_clock are yes or no"));
    trustee_status loaded = load_ca(tpm, conf);
    if (loaded != TRUSTEE_OK)
        return loaded;
    if (certificate && x509_trust_count(tpm->ak_ca) == 0)
        return bad_option(tpm, S("tpm: require_ak_certificate takes a CA: set ak_ca, else everything is refused"));
    tpm->require_ak_certificate = certificate != 0;
    tpm->require_safe_clock = clock != 0;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    struct tpm *tpm = instance;
    x509_trust_free(tpm->ak_ca);
    free(tpm);
}

static trustee_status init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct tpm *tpm = calloc(1, sizeof *tpm);
    if (!tpm)
        return TRUSTEE_E_NOMEM;
    tpm->host = host;
    trustee_status loaded = load_options(tpm, conf);
    if (loaded != TRUSTEE_OK) {
        fini(tpm);
        return loaded;
    }
    *instance = tpm;
    return TRUSTEE_OK;
}

/* --- descriptor
 * ------------------------------------------------------------------------------------------------------- */

/* The attester puts the first 32 bytes of the report data into the nonce, and extends PCR 8 once with the digest. */
static const trustee_tee TEES[] = {
    {.name = TRUSTEE_TEXT(TPM_TEE),
     .device_class = TRUSTEE_TEXT("cpu"),
     .report_rule = TRUSTEE_BIND_TRUNCATE,
     .report_width = TPM_NONCE_SIZE,
     .init_rule = TRUSTEE_BIND_PCR,
     .init_width = TPM_PCR_SIZE},
};

static const trustee_verifier VERIFIER = {
    .size = sizeof(trustee_verifier),
    .tee_size = sizeof(trustee_tee),
    .tees = TEES,
    .tee_count = sizeof TEES / sizeof *TEES,
    .max_evidence = MAX_EVIDENCE,
    .verify = tpm_verify,
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("verifier"), .major = TRUSTEE_VERIFIER_MAJOR, .vtable = &VERIFIER},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof(trustee_plugin),
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("tpm"),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee in C"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("verifies quotes of a TPM 2.0 over the SHA-256 bank of PCRs"),
    .options = OPTIONS,
    .option_size = sizeof(trustee_option),
    .option_count = sizeof OPTIONS / sizeof *OPTIONS,
    .reasons = tpm_reasons,
    .reason_size = sizeof(trustee_reason),
    .reason_count = TPM_REASON_COUNT,
    .interfaces = INTERFACES,
    .interface_size = sizeof(trustee_interface),
    .interface_count = sizeof INTERFACES / sizeof *INTERFACES,
    .init = init,
    .fini = fini,
    .self_test = tpm_self_test,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);

const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &PLUGIN;
}
