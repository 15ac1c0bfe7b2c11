/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds of TEE that the KBS protocol names, and how each one's evidence carries what it must be bound to
 * (interface.md 1.5). A plugin may bring further names; for these the service has the rules itself.
 */
#include "core/plugin/internal.h"

struct known_tee {
    trustee_tee tee;
    bool insecure; /* proves nothing, whoever verifies it */
};

#define TEE(name, class, ...)                                \
    {                                                        \
        TRUSTEE_TEXT(name), TRUSTEE_TEXT(class), __VA_ARGS__ \
    }

static const struct known_tee known[] = {
    {TEE("az-snp-vtpm", "cpu", TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_PCR, 32), false},
    {TEE("az-tdx-vtpm", "cpu", TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_PCR, 32), false},
    {TEE("nvidia", "gpu", TRUSTEE_BIND_TRUNCATE, 32, TRUSTEE_BIND_NONE, 0), false},
    {TEE("sgx", "cpu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_PAD, 64), false},
    {TEE("snp", "cpu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_TRUNCATE, 32), false},
    /* Upstream cuts a longer init-data digest, such as SHA-512's, to what MRCONFIGID holds. */
    {TEE("tdx", "cpu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_TRUNCATE, 48), false},
    {TEE("cca", "cpu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_EXACT, 0), false},
    {TEE("csv", "cpu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_NONE, 0), false},
    {TEE("se", "cpu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_NONE, 0), false},
    {TEE("hygondcu", "dcu", TRUSTEE_BIND_PAD, 64, TRUSTEE_BIND_NONE, 0), false},
    {TEE("nvidia-dpu", "nvidia-dpu", TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_NONE, 0), false},
    /* Upstream cuts the expected hash to 32 bytes: a TPM quote's nonce has no room for more. */
    {TEE("tpm", "cpu", TRUSTEE_BIND_TRUNCATE, 32, TRUSTEE_BIND_PCR, 32), false},
    {TEE("sample", "cpu", TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_ECHO, 0), true},
    {TEE("sampledevice", "gpu", TRUSTEE_BIND_EXACT, 0, TRUSTEE_BIND_NONE, 0), true},
};

static const char *rule_name(uint32_t rule)
{
    static const char *const names[] = {"NONE", "PAD", "TRUNCATE", "EXACT", "PCR", "ECHO"};
    return rule < sizeof names / sizeof *names ? names[rule] : "an unknown rule";
}

slice tee_canonical(slice name)
{
    return slice_equal(name, S("nvidiadpu")) ? S("nvidia-dpu") : name;
}

static const struct known_tee *find(slice name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_equal(known[i].tee.name, name))
            return &known[i];
    return NULL;
}

bool tee_is_known(slice tee)
{
    return find(tee_canonical(tee)) != NULL;
}

static bool has_width(uint32_t rule)
{
    return rule == TRUSTEE_BIND_PAD || rule == TRUSTEE_BIND_TRUNCATE;
}

static bool same_rule(uint32_t rule, uint32_t width, uint32_t own_rule, uint32_t own_width)
{
    return rule == own_rule && (!has_width(rule) || width == own_width);
}

static result check_known(const struct blame *b, const trustee_tee *t, const struct known_tee *k, bool insecure)
{
    const trustee_tee *own = &k->tee;
    if (!same_rule(t->report_rule, t->report_width, own->report_rule, own->report_width))
        return refuse(b, "it binds the report data of TEE '%.*s' as %s of %u bytes; the protocol has %s of %u",
                      SLICE_ARG(t->name), rule_name(t->report_rule), t->report_width, rule_name(own->report_rule),
                      own->report_width);
    if (!same_rule(t->init_rule, t->init_width, own->init_rule, own->init_width))
        return refuse(b, "it binds the init-data of TEE '%.*s' as %s of %u bytes; the protocol has %s of %u",
                      SLICE_ARG(t->name), rule_name(t->init_rule), t->init_width, rule_name(own->init_rule),
                      own->init_width);
    if (!slice_equal(t->device_class, own->device_class))
        return refuse(b, "it calls TEE '%.*s' a '%.*s'; the protocol has '%.*s'", SLICE_ARG(t->name),
                      SLICE_ARG(t->device_class), SLICE_ARG(own->device_class));
    if (k->insecure && !insecure)
        return refuse(b,
                      "TEE '%.*s' proves nothing, but the plugin is not marked insecure; set "
                      "TRUSTEE_PLUGIN_INSECURE in flags_required",
                      SLICE_ARG(t->name));
    return OK;
}

/* A TEE of somebody else's: its evidence must bind at least 32 bytes of the expected hash. */
static result check_foreign(const struct blame *b, const trustee_tee *t)
{
    bool binds = t->report_rule == TRUSTEE_BIND_EXACT || (has_width(t->report_rule) && t->report_width >= 32);
    if (!binds || t->report_width > 4096)
        return refuse(b,
                      "TEE '%.*s' binds its report data as %s of %u bytes; expected EXACT, or PAD or TRUNCATE of 32 "
                      "to 4096 bytes",
                      SLICE_ARG(t->name), rule_name(t->report_rule), t->report_width);
    if (t->init_rule > TRUSTEE_BIND_ECHO || (has_width(t->init_rule) && t->init_width < 32) || t->init_width > 4096)
        return refuse(b,
                      "TEE '%.*s' binds its init-data as %s of %u bytes; expected NONE, EXACT, PCR, ECHO, or PAD or "
                      "TRUNCATE of 32 to 4096 bytes",
                      SLICE_ARG(t->name), rule_name(t->init_rule), t->init_width);
    return OK;
}

result tee_check(const struct blame *b, const trustee_tee *t, bool insecure)
{
    if (!slice_equal(tee_canonical(t->name), t->name))
        return refuse(b, "TEE '%.*s' is an alias; declare '%.*s', the alias is served too", SLICE_ARG(t->name),
                      SLICE_ARG(tee_canonical(t->name)));
    const struct known_tee *k = find(t->name);
    return k ? check_known(b, t, k, insecure) : check_foreign(b, t);
}
