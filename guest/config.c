/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/conf/ini.h"
#include "guest/file.h"
#include "guest/params.h"

#define PEM_MAX ((size_t)1 << 20)
#define INIT_DATA_MAX ((size_t)1 << 20)
#define CMDLINE_MAX ((size_t)64 << 10)
#define EVIDENCE_DATA_MAX 4096

struct loader {
    struct settings *out;
    struct arena *arena;
    struct failure *why;
};

/* One setting and where it may stand. `set` judges the text and puts it into the settings. */
struct setting {
    const char *option;      /* of the command line, without -- */
    const char *section;     /* of the configuration file; NULL: the command line alone */
    const char *environment; /* NULL: none */
    const char *fallback;    /* NULL: not set */
    result (*set)(struct loader *l, slice value);
};

static result config_fail(struct loader *l, const char *name, const char *text)
{
    return failure_set(l->why, AGENT_CONFIG, "configuration", "%s: %s", name, text);
}

static const char *text_copy(struct loader *l, slice value)
{
    return (const char *)arena_printf(l->arena, "%.*s", SLICE_ARG(value)).ptr;
}

static result set_params(struct loader *l, slice value)
{
    slice url;
    TRY(params_url(value, &url, l->why));
    l->out->url = arena_copy(l->arena, url);
    ENSURE(l->out->url.ptr, NO_MEMORY);
    return OK;
}

bool address_is_loopback(slice address)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    if (address.len >= sizeof text)
        return false;
    (void)snprintf(text, sizeof text, "%.*s", SLICE_ARG(address));
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

result config_listen(slice value, struct arena *a, struct settings *out, struct failure *why)
{
    struct loader l = {.out = out, .arena = a, .why = why};
    size_t colon = value.len;
    uint64_t port;
    while (colon > 0 && value.ptr[colon - 1] != ':')
        colon--;
    slice host = slice_sub(value, 0, colon ? colon - 1 : 0);
    if (!slice_u64(slice_sub(value, colon, value.len), &port) || port > 65535)
        return config_fail(&l, "listen", "expected address:port");
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (!address_is_loopback(bracketed ? slice_sub(host, 1, host.len - 2) : host))
        return config_fail(&l, "listen", "only loopback addresses (127.0.0.0/8, [::1]) may be listened on");
    out->listen_host = text_copy(&l, host);
    out->listen_port = (uint16_t)port;
    ENSURE(out->listen_host, NO_MEMORY);
    return OK;
}

static result set_listen(struct loader *l, slice value)
{
    return config_listen(value, l->arena, l->out, l->why);
}

static result set_features(struct loader *l, slice value)
{
    static const struct {
        const char *name;
        unsigned features;
    } known[] = {
        {"all", FEATURE_RESOURCE | FEATURE_ATTESTATION},
        {"resource", FEATURE_RESOURCE},
        {"attestation", FEATURE_ATTESTATION},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!slice_equal(value, slice_text(known[i].name)))
            continue;
        l->out->features = known[i].features;
        l->out->feature_name = known[i].name;
        return OK;
    }
    return config_fail(l, "features", "must be all, resource or attestation");
}

static result set_tee(struct loader *l, slice value)
{
    l->out->tee = value;
    return OK;
}

static result set_key_algorithm(struct loader *l, slice value)
{
    static const char *const known[] = {"ECDH-ES+A256KW-P256", "ECDH-ES+A256KW-P521", "RSA-OAEP-256"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!slice_equal(value, slice_text(known[i])))
            continue;
        l->out->key_algorithm = slice_text(known[i]);
        return OK;
    }
    return config_fail(l, "key-algorithm", "must be ECDH-ES+A256KW-P256, ECDH-ES+A256KW-P521 or RSA-OAEP-256");
}

static result read_setting(struct loader *l, const char *name, slice path, size_t limit, slice *out)
{
    const char *file = text_copy(l, path);
    ENSURE(file, NO_MEMORY);
    result r = file_read(file, limit, l->arena, out);
    if (!FAILED(r) && out->len > 0)
        return OK;
    return failure_set(l->why, AGENT_CONFIG, "configuration", "%s: %s: %s", name, file,
                       r.reason == IO ? strerror(errno)
                       : FAILED(r)    ? "too large"
                                      : "empty");
}

static result set_kbs_cert(struct loader *l, slice value)
{
    return read_setting(l, "kbs-cert", value, PEM_MAX, &l->out->ca_pem);
}

static result set_init_data(struct loader *l, slice value)
{
    slice text;
    TRY(read_setting(l, "init-data", value, INIT_DATA_MAX, &text));
    return init_data_take(text, l->arena, &l->out->init_data, l->why);
}

static result set_timeout(struct loader *l, slice value)
{
    uint64_t seconds;
    if (!slice_u64(value, &seconds) || seconds < 1 || seconds > 600)
        return config_fail(l, "timeout", "must be 1 to 600 seconds");
    l->out->timeout_s = (unsigned)seconds;
    return OK;
}

static result set_tcti(struct loader *l, slice value)
{
    l->out->attester.tcti = text_copy(l, value);
    return OK;
}

static result set_ak_handle(struct loader *l, slice value)
{
    slice digits = slice_starts(value, S("0x")) ? slice_sub(value, 2, value.len) : value;
    uint8_t padded[8] = {'0', '0', '0', '0', '0', '0', '0', '0'}, handle[4];
    size_t length;
    if (digits.len > 0 && digits.len <= sizeof padded)
        memcpy(padded + sizeof padded - digits.len, digits.ptr, digits.len);
    if (digits.len == 0 || digits.len > sizeof padded ||
        !hex_decode(handle, sizeof handle, slice_of(padded, sizeof padded), &length))
        return config_fail(l, "ak-handle", "must be a handle in hexadecimal, such as 0x81010002");
    struct reader r = reader_of(slice_of(handle, sizeof handle));
    return read_u32be(&r, &l->out->attester.ak_handle) ? OK : FAIL(INTERNAL);
}

static result set_tsm_path(struct loader *l, slice value)
{
    l->out->attester.tsm_path = text_copy(l, value);
    return OK;
}

static result set_ccel_path(struct loader *l, slice value)
{
    l->out->attester.ccel_path = text_copy(l, value);
    return OK;
}

static result set_once(struct loader *l, slice value)
{
    l->out->mode = MODE_ONCE;
    l->out->once_path = value;
    return OK;
}

static result set_evidence_only(struct loader *l, slice value)
{
    uint8_t *room = arena_alloc(l->arena, EVIDENCE_DATA_MAX, 1);
    size_t length;
    ENSURE(room, NO_MEMORY);
    if (!hex_decode(room, EVIDENCE_DATA_MAX, value, &length))
        return config_fail(l, "evidence-only", "must be report data in hexadecimal");
    l->out->mode = MODE_EVIDENCE;
    l->out->evidence_data = slice_of(room, length);
    return OK;
}

enum { SETTING_PARAMS, SETTING_KBS_CERT = 5, SETTING_TCTI = 8 };

static const struct setting SETTINGS[] = {
    {"aa-kbc-params", "agent", "AA_KBC_PARAMS", NULL, set_params},
    {"listen", "agent", NULL, "127.0.0.1:8006", set_listen},
    {"features", "agent", NULL, "all", set_features},
    {"tee", "agent", NULL, "auto", set_tee},
    {"key-algorithm", "agent", NULL, "ECDH-ES+A256KW-P256", set_key_algorithm},
    {"kbs-cert", "agent", NULL, NULL, set_kbs_cert},
    {"init-data", "agent", NULL, NULL, set_init_data},
    {"timeout", "agent", NULL, "50", set_timeout},
    {"tcti", "tpm", NULL, NULL, set_tcti},
    {"ak-handle", "tpm", "AA_TPM_AK_HANDLE", "0x81010002", set_ak_handle},
    {"tsm-path", "tsm", NULL, "/sys/kernel/config/tsm/report", set_tsm_path},
    {"ccel-path", "tsm", NULL, "/sys/firmware/acpi/tables/data/CCEL", set_ccel_path},
    {"once", NULL, NULL, NULL, set_once},
    {"evidence-only", NULL, NULL, NULL, set_evidence_only},
};
#define SETTING_COUNT (sizeof SETTINGS / sizeof *SETTINGS)

/* The options that are no settings. */
enum { OPTION_CONFIG = SETTING_COUNT, OPTION_CMDLINE, OPTION_HELP, OPTION_VERSION, OPTION_COUNT };

const char CONFIG_HELP[] =
    "usage: trustee-agent [options]\n"
    "Fetches secrets for the workload of a confidential guest, after attesting the guest to its service.\n"
    "\n"
    "  --aa-kbc-params cc_kbc::URL  the service; else AA_KBC_PARAMS, the configuration file, the kernel command line\n"
    "  --listen ADDRESS:PORT        loopback only (127.0.0.1:8006)\n"
    "  --features WHAT              all, resource or attestation (all)\n"
    "  --tee TEE                    auto, tdx, snp, tpm; sample, which proves nothing, only when named (auto)\n"
    "  --key-algorithm ALGORITHM    ECDH-ES+A256KW-P256, ECDH-ES+A256KW-P521, RSA-OAEP-256 (the first)\n"
    "  --kbs-cert FILE              PEM certificates to trust for the service (the system's)\n"
    "  --init-data FILE             init-data in TOML that the guest was launched with\n"
    "  --timeout SECONDS            for one request of the workload (50)\n"
    "  --tcti TCTI                  how to reach the TPM (device:/dev/tpmrm0)\n"
    "  --ak-handle HANDLE           the TPM's attestation key (0x81010002)\n"
    "  --tsm-path FOLDER            configfs-tsm (/sys/kernel/config/tsm/report)\n"
    "  --ccel-path FILE             CC event log (/sys/firmware/acpi/tables/data/CCEL)\n"
    "  --config FILE                configuration file: sections [agent], [tpm], [tsm]\n"
    "  --cmdline FILE               kernel command line (/proc/cmdline)\n"
    "  --once REPO/TYPE/TAG         write this resource to standard output and exit\n"
    "  --evidence-only HEX          write evidence for this report data to standard output and exit\n"
    "  --help, --version\n";

struct values {
    slice of[OPTION_COUNT];     /* ptr NULL: not given */
    bool in_file[OPTION_COUNT]; /* stands in the configuration file */
};

static result parse_command_line(struct loader *l, int argc, char **argv, struct values *v)
{
    struct option options[OPTION_COUNT + 1] = {
        [OPTION_CONFIG] = {"config", required_argument, NULL, OPTION_CONFIG},
        [OPTION_CMDLINE] = {"cmdline", required_argument, NULL, OPTION_CMDLINE},
        [OPTION_HELP] = {"help", no_argument, NULL, OPTION_HELP},
        [OPTION_VERSION] = {"version", no_argument, NULL, OPTION_VERSION},
    };
    for (size_t i = 0; i < SETTING_COUNT; i++)
        options[i] = (struct option){SETTINGS[i].option, required_argument, NULL, (int)i};
    optind = 0;
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (found < 0 || found >= (int)OPTION_COUNT)
            return config_fail(l, argv[optind > 0 ? optind - 1 : 0],
                               "unknown option, or its value is missing; see --help");
        v->of[found] = slice_text(optarg ? optarg : "");
    }
    if (optind < argc)
        return config_fail(l, argv[optind], "unexpected argument; see --help");
    return OK;
}

static void take_environment(struct loader *l, const struct config_sources *from, struct values *v)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!v->of[i].ptr && SETTINGS[i].environment)
            v->of[i] = slice_text(from->environment(SETTINGS[i].environment));
    const char *device = from->environment("AA_TPM_DEVICE");
    if (!v->of[SETTING_TCTI].ptr && device)
        v->of[SETTING_TCTI] = arena_printf(l->arena, "device:%s", device);
    const char *pem = from->environment("KBS_CERT");
    if (!v->of[SETTING_KBS_CERT].ptr && pem)
        l->out->ca_pem = slice_text(pem);
}

/* "ak_handle" in the file is --ak-handle on the command line. */
static bool same_name(slice key, const char *option)
{
    slice o = slice_text(option);
    for (size_t i = 0; i < key.len && i < o.len; i++)
        if (key.ptr[i] != (o.ptr[i] == '-' ? '_' : o.ptr[i]))
            return false;
    return key.len == o.len;
}

static size_t setting_of(slice section, slice key)
{
    size_t i = 0;
    while (i < SETTING_COUNT && (!SETTINGS[i].section || !slice_equal(section, slice_text(SETTINGS[i].section)) ||
                                 !same_name(key, SETTINGS[i].option)))
        i++;
    return i;
}

static result take_entry(struct loader *l, const struct ini *ini, const struct ini_section *s,
                         const struct ini_entry *e, struct values *v)
{
    char error[256];
    size_t i = setting_of(s->kind, e->key);
    if (i < SETTING_COUNT && s->name.len == 0 && !v->in_file[i]) {
        v->in_file[i] = true;
        if (!v->of[i].ptr)
            v->of[i] = e->value;
        return OK;
    }
    ini_error(ini, e->line, e->key_column, error, sizeof error, "%s",
              i < SETTING_COUNT && s->name.len == 0 ? "the key stands twice" : "unknown key; see docs/guest.md");
    return failure_set(l->why, AGENT_CONFIG, "configuration", "%s", error);
}

static result take_file(struct loader *l, slice file, struct values *v)
{
    struct ini ini;
    char error[256] = "";
    const char *path = text_copy(l, file);
    ENSURE(path, NO_MEMORY);
    if (FAILED(ini_read(l->arena, path, &ini, error, sizeof error)))
        return failure_set(l->why, AGENT_CONFIG, "configuration", "%s", error);
    for (struct ini_section *s = ini.sections; s; s = s->next)
        for (struct ini_entry *e = s->entries; e; e = e->next)
            TRY(take_entry(l, &ini, s, e, v));
    return OK;
}

/* The last resort, as upstream's agent has it. An unreadable file is as good as one that says nothing. */
static void take_cmdline(struct loader *l, const char *file, struct values *v)
{
    slice text;
    if (v->of[SETTING_PARAMS].ptr || FAILED(file_read(file, CMDLINE_MAX, l->arena, &text)))
        return;
    v->of[SETTING_PARAMS] = cmdline_value(text, S("agent.aa_kbc_params"));
}

static result apply(struct loader *l, const struct values *v)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        slice value = v->of[i].ptr ? v->of[i] : slice_text(SETTINGS[i].fallback);
        if (value.ptr)
            TRY(SETTINGS[i].set(l, value));
    }
    if (!l->out->url.ptr && l->out->mode != MODE_EVIDENCE)
        return config_fail(l, "aa_kbc_params",
                           "not given: neither by option, environment, file nor kernel command line");
    return OK;
}

result config_load(int argc, char **argv, const struct config_sources *from, struct arena *a, struct settings *out,
                   struct failure *why)
{
    struct values v = {0};
    struct loader l = {.out = out, .arena = a, .why = why};
    *out = (struct settings){0};
    TRY(parse_command_line(&l, argc, argv, &v));
    if (v.of[OPTION_HELP].ptr || v.of[OPTION_VERSION].ptr) {
        out->mode = v.of[OPTION_HELP].ptr ? MODE_HELP : MODE_VERSION;
        return OK;
    }
    take_environment(&l, from, &v);
    if (v.of[OPTION_CONFIG].ptr)
        TRY(take_file(&l, v.of[OPTION_CONFIG], &v));
    slice cmdline = v.of[OPTION_CMDLINE];
    take_cmdline(&l, cmdline.ptr ? (const char *)cmdline.ptr : from->cmdline_file, &v);
    return apply(&l, &v);
}
