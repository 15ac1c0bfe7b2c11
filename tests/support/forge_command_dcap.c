/* SPDX-License-Identifier: Apache-2.0
 *
 * forge dcap: see forge.c.
 */
#include <stdio.h>

#include "tests/support/forge_command.h"
#include "tests/support/forge_dcap.h"

static int list_cases(void)
{
    const struct forge_dcap_case *c;
    for (size_t i = 0; (c = forge_dcap_case_at(i)); i++)
        printf("%s\t%s%s\t%d\t%s\n", c->name, c->bodies & FORGE_FOR_SGX ? "sgx" : "",
               c->bodies & FORGE_FOR_TDX ? "tdx" : "", c->version, c->reason ? c->reason : "");
    return 0;
}

static enum forge_body body_of(const struct forge_command *c, int version)
{
    const char *name = command_text(c, "body", version == 3 ? "sgx" : version == 5 ? "tdx15" : "tdx10");
    if (strcmp(name, "sgx") == 0)
        return FORGE_SGX;
    forge_must(strcmp(name, "tdx10") == 0 || strcmp(name, "tdx15") == 0, "--body");
    return strcmp(name, "tdx10") == 0 ? FORGE_TDX10 : FORGE_TDX15;
}

static const struct {
    const char *name;
    bool td;
    size_t at, width;
} fields[] = {
    {"tee-tcb-svn", true, FORGE_TD_TCB_SVN, 16},
    {"td-attributes", true, FORGE_TD_ATTRIBUTES, 8},
    {"xfam", true, FORGE_TD_XFAM, 8},
    {"mrtd", true, FORGE_TD_MRTD, 48},
    {"mrowner", true, FORGE_TD_MROWNER, 48},
    {"mrownerconfig", true, FORGE_TD_MROWNERCONFIG, 48},
    {"rtmr0", true, FORGE_TD_RTMR, 48},
    {"rtmr1", true, FORGE_TD_RTMR + 48, 48},
    {"rtmr2", true, FORGE_TD_RTMR + 96, 48},
    {"rtmr3", true, FORGE_TD_RTMR + 144, 48},
    {"mrenclave", false, FORGE_SGX_MRENCLAVE, 32},
    {"mrsigner", false, FORGE_SGX_MRSIGNER, 32},
    {"sgx-attributes", false, FORGE_SGX_ATTRIBUTES, 8},
};

static void take_fields(struct forge_command *c, struct forge_dcap *k)
{
    slice value;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (fields[i].td == (k->body_kind == FORGE_SGX) || !(value = command_bytes(c, fields[i].name)).ptr)
            continue;
        forge_must(value.len == fields[i].width, fields[i].name);
        memcpy(k->body + fields[i].at, value.ptr, value.len);
    }
    if ((value = command_bytes(c, "report-data")).ptr)
        forge_dcap_report_data(k, value);
    if ((value = command_bytes(c, "init-data")).ptr)
        forge_dcap_init_data(k, value);
    if ((value = command_bytes(c, "fmspc")).ptr) {
        forge_must(value.len == 6, "--fmspc");
        memcpy(k->platform.fmspc, value.ptr, 6);
        memcpy(k->tcb_info.fmspc, value.ptr, 6);
    }
}

static void prepare(struct forge_command *c, struct forge_dcap *k)
{
    int version = (int)command_number(c, "version", 4);
    enum forge_body body = body_of(c, version);
    const struct forge_dcap_case *wanted = forge_dcap_find(command_text(c, "case", "good"));
    forge_must(wanted && forge_dcap_fits(wanted, version, body), "a case of this version and body");
    forge_dcap_default(k, version, body, command_number(c, "at", FORGE_NOW));
    take_fields(c, k);
    if (wanted->apply)
        wanted->apply(k);
}

static slice evidence(struct forge_command *c, slice quote)
{
    const char *log = command_text(c, "eventlog", NULL);
    slice encoded = command_base64(c, quote);
    slice second = log ? command_base64(c, command_read(c, log)) : NO_SLICE;
    return arena_printf(&c->arena, "{\"quote\":\"%.*s\"%s%.*s%s}", SLICE_ARG(encoded), log ? ",\"cc_eventlog\":\"" : "",
                        SLICE_ARG(second), log ? "\"" : "");
}

static void write_all(struct forge_command *c, const struct forge_dcap *k, const struct forge_dcap_out *out)
{
    slice fmspc = forge_hex(&c->arena, slice_of(k->platform.fmspc, 6), false);
    command_write(c, "root.pem", out->root_pem);
    command_write(c, "root.der", out->root);
    command_write(c, "quote.bin", out->quote);
    command_write(c, "evidence.json", evidence(c, out->quote));
    command_write(c, "collateral.json", out->collateral);
    command_write(c, "tcb_info.json", out->tcb_answer);
    command_write(c, "qe_identity.json", out->qe_answer);
    command_write(c, "tcb_chain.pem", out->tcb_chain);
    command_write(c, "pck_chain.pem", out->pck_chain);
    command_write(c, "pck.der", out->pck);
    command_write(c, "pck.pem", forge_pem(&c->arena, out->pck));
    command_write(c, "pck_crl.der", out->pck_crl);
    command_write(c, "pck_crl_chain.pem", out->pck_crl_chain);
    command_write(c, "root_crl.der", out->root_crl);
    command_write(c, "fmspc", fmspc);
    command_write(c, "ca", k->platform.platform ? S("platform") : S("processor"));
}

struct serving {
    const struct forge_dcap_keys *keys;
    const struct forge_dcap_out *out;
};

/* Of the same platform: the certificates stay, whatever the line says. */
static slice serve(struct forge_command *c, void *user)
{
    const struct serving *s = user;
    struct forge_dcap k;
    struct forge_dcap_out out = *s->out;
    prepare(c, &k);
    forge_dcap_quote(&c->arena, s->keys, &k, &out);
    return evidence(c, out.quote);
}

int forge_command_dcap(struct forge_command *c)
{
    struct forge_dcap_keys keys;
    struct forge_dcap k;
    struct forge_dcap_out out;
    if (command_text(c, "list-cases", NULL))
        return list_cases();
    prepare(c, &k);
    forge_dcap_keys_begin(&keys, command_text(c, "keys", NULL));
    forge_dcap_make(&c->arena, &keys, &k, &out);
    write_all(c, &k, &out);
    if (command_text(c, "serve", NULL))
        command_serve(c, serve, &(struct serving){&keys, &out});
    forge_dcap_keys_end(&keys);
    return 0;
}
