/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static struct arena arena;
static struct settings settings;
static struct failure why;
static const char *env_params, *env_handle, *env_device, *env_cert;
static char cmdline_file[] = "/tmp/agent-cmdline-XXXXXX", config_file[] = "/tmp/agent-config-XXXXXX";

static void write_file(char *name, const char *text)
{
    int fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)8 << 20, ARENA_PLAIN)));
    env_params = env_handle = env_device = env_cert = NULL;
}

static void teardown(void)
{
    unlink(cmdline_file);
    unlink(config_file);
    arena_unmap(&arena);
}

TestSuite(config, .init = setup, .fini = teardown);

static const char *environment(const char *name)
{
    if (strcmp(name, "AA_KBC_PARAMS") == 0)
        return env_params;
    if (strcmp(name, "AA_TPM_AK_HANDLE") == 0)
        return env_handle;
    if (strcmp(name, "AA_TPM_DEVICE") == 0)
        return env_device;
    return strcmp(name, "KBS_CERT") == 0 ? env_cert : NULL;
}

static result load(char *const *arguments)
{
    char *argv[16] = {(char[]){"trustee-agent"}};
    int argc = 1;
    for (; arguments[argc - 1]; argc++)
        argv[argc] = arguments[argc - 1];
    struct config_sources from = {.environment = environment, .cmdline_file = cmdline_file};
    return config_load(argc, argv, &from, &arena, &settings, &why);
}
/* A row of arguments, with NULL at its end. */
#define LOAD(...) load((char *const[]){__VA_ARGS__})
#define ARG(text) ((char[]){text})

static void loads(result r)
{
    cr_assert(!FAILED(r), "%s", why.text);
}

static void refuses(result r, const char *words)
{
    cr_assert_eq(r.reason, AGENT_CONFIG);
    cr_assert(strstr(why.text, words), "%s", why.text);
}

static void url_is(slice expected)
{
    cr_assert(slice_equal(settings.url, expected), "%.*s", SLICE_ARG(settings.url));
}

Test(config, defaults_are_those_of_the_documentation)
{
    loads(LOAD(ARG("--aa-kbc-params"), ARG("cc_kbc::http://a"), NULL));
    cr_assert_eq(settings.mode, MODE_SERVE);
    cr_assert_str_eq(settings.listen_host, "127.0.0.1");
    cr_assert_eq(settings.listen_port, 8006);
    cr_assert_eq(settings.features, FEATURE_RESOURCE | FEATURE_ATTESTATION);
    cr_assert(slice_equal(settings.tee, S("auto")));
    cr_assert(slice_equal(settings.key_algorithm, S("ECDH-ES+A256KW-P256")));
    cr_assert_eq(settings.timeout_s, 50);
    cr_assert_eq(settings.attester.ak_handle, 0x81010002);
    cr_assert_null(settings.attester.tcti);
    cr_assert_str_eq(settings.attester.tsm_path, "/sys/kernel/config/tsm/report");
    cr_assert_eq(settings.ca_pem.len, 0);
    cr_assert_eq(settings.init_data.digest_size, 0);
}

Test(config, the_command_line_wins_over_environment_file_and_kernel_command_line)
{
    write_file(cmdline_file, "agent.aa_kbc_params=cc_kbc::http://kernel\n");
    write_file(config_file, "[agent]\naa_kbc_params = cc_kbc::http://file\ntimeout = 7\n");
    loads(LOAD(NULL));
    url_is(S("http://kernel"));
    loads(LOAD(ARG("--config"), config_file, NULL));
    url_is(S("http://file"));
    cr_assert_eq(settings.timeout_s, 7);
    env_params = "cc_kbc::http://environment";
    loads(LOAD(ARG("--config"), config_file, NULL));
    url_is(S("http://environment"));
    loads(LOAD(ARG("--config"), config_file, ARG("--aa-kbc-params"), ARG("cc_kbc::http://option"), ARG("--timeout=9"),
               NULL));
    url_is(S("http://option"));
    cr_assert_eq(settings.timeout_s, 9);
}

Test(config, the_kernel_command_line_may_be_another_file)
{
    write_file(config_file, "agent.aa_kbc_params=cc_kbc::http://other");
    loads(LOAD(ARG("--cmdline"), config_file, NULL));
    url_is(S("http://other"));
}

Test(config, no_service_at_all_is_refused)
{
    write_file(cmdline_file, "quiet\n");
    refuses(LOAD(NULL), "aa_kbc_params: not given");
}

Test(config, evidence_alone_needs_no_service)
{
    loads(LOAD(ARG("--evidence-only"), ARG("00ff"), NULL));
    cr_assert_eq(settings.mode, MODE_EVIDENCE);
    cr_assert(slice_equal(settings.evidence_data, S("\x00\xff")));
    refuses(LOAD(ARG("--evidence-only"), ARG("0g"), NULL), "hexadecimal");
}

Test(config, the_file_has_sections_for_the_attesters)
{
    write_file(config_file,
               "[agent]\naa_kbc_params = cc_kbc::http://a\nlisten = [::1]:0\ntee = tpm\nfeatures = resource\n"
               "[tpm]\ntcti = swtpm:port=1\nak_handle = 81010003\n[tsm]\ntsm_path = /t\nccel_path = /c\n");
    loads(LOAD(ARG("--config"), config_file, NULL));
    cr_assert_str_eq(settings.listen_host, "[::1]");
    cr_assert_eq(settings.listen_port, 0);
    cr_assert_eq(settings.features, FEATURE_RESOURCE);
    cr_assert_str_eq(settings.attester.tcti, "swtpm:port=1");
    cr_assert_eq(settings.attester.ak_handle, 0x81010003);
    cr_assert_str_eq(settings.attester.tsm_path, "/t");
    cr_assert_str_eq(settings.attester.ccel_path, "/c");
}

Test(config, an_unknown_key_or_section_is_refused_with_its_position)
{
    write_file(config_file, "[agent]\nurl = http://a\n");
    refuses(LOAD(ARG("--config"), config_file, NULL), ":2:1: unknown key");
    unlink(config_file);
    memcpy(config_file + strlen(config_file) - 6, "XXXXXX", 6);
    write_file(config_file, "[tpm]\ntee = tpm\n");
    refuses(LOAD(ARG("--config"), config_file, NULL), "unknown key");
}

Test(config, a_key_that_stands_twice_is_refused)
{
    write_file(config_file, "[agent]\ntee = tpm\ntee = sample\n");
    refuses(LOAD(ARG("--config"), config_file, NULL), "twice");
}

Test(config, upstreams_environment_of_the_tpm_is_understood)
{
    env_params = "cc_kbc::http://a";
    env_handle = "0x81000001";
    env_device = "/dev/tpm1";
    loads(LOAD(NULL));
    cr_assert_eq(settings.attester.ak_handle, 0x81000001);
    cr_assert_str_eq(settings.attester.tcti, "device:/dev/tpm1");
    loads(LOAD(ARG("--tcti"), ARG("mssim"), ARG("--ak-handle"), ARG("1"), NULL));
    cr_assert_eq(settings.attester.ak_handle, 1);
    cr_assert_str_eq(settings.attester.tcti, "mssim");
}

Test(config, upstreams_environment_of_the_certificate_holds_pem)
{
    env_params = "cc_kbc::https://a";
    env_cert = "-----BEGIN CERTIFICATE-----";
    loads(LOAD(NULL));
    cr_assert(slice_equal(settings.ca_pem, slice_text(env_cert)));
}

Test(config, only_loopback_addresses_are_listened_on)
{
    static const char *const refused[] = {"0.0.0.0:8006", "10.0.0.1:80", "[::]:8006", "*:8006",    "localhost:8006",
                                          "8006",         ":8006",       "",          "127.0.0.1", "127.0.0.1:65536",
                                          "127.0.0.1:",   "[::1]8006"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        cr_assert_eq(config_listen(slice_text(refused[i]), &arena, &settings, &why).reason, AGENT_CONFIG, "%s",
                     refused[i]);
        cr_assert(strstr(why.text, "listen: "));
    }
    loads(config_listen(S("127.0.0.2:1"), &arena, &settings, &why));
}

Test(config, values_out_of_range_are_refused)
{
    env_params = "cc_kbc::http://a";
    refuses(LOAD(ARG("--timeout"), ARG("0"), NULL), "timeout");
    refuses(LOAD(ARG("--timeout"), ARG("601"), NULL), "timeout");
    refuses(LOAD(ARG("--ak-handle"), ARG("0x1810100021"), NULL), "ak-handle");
    refuses(LOAD(ARG("--ak-handle"), ARG(""), NULL), "ak-handle");
    refuses(LOAD(ARG("--ak-handle"), ARG("zz"), NULL), "ak-handle");
    refuses(LOAD(ARG("--features"), ARG("none"), NULL), "features");
    refuses(LOAD(ARG("--key-algorithm"), ARG("RSA1_5"), NULL), "key-algorithm");
    refuses(LOAD(ARG("--kbs-cert"), ARG("/nonexistent"), NULL), "No such file");
    refuses(LOAD(ARG("--config"), ARG("/nonexistent"), NULL), "/nonexistent");
}

Test(config, unknown_options_and_arguments_are_refused)
{
    refuses(LOAD(ARG("--insecure"), NULL), "unknown option");
    refuses(LOAD(ARG("--tee"), NULL), "missing");
    refuses(LOAD(ARG("extra"), NULL), "unexpected argument");
}

Test(config, help_and_version_need_nothing_else)
{
    loads(LOAD(ARG("--help"), NULL));
    cr_assert_eq(settings.mode, MODE_HELP);
    loads(LOAD(ARG("--version"), NULL));
    cr_assert_eq(settings.mode, MODE_VERSION);
}

Test(config, init_data_is_digested_as_its_algorithm_says)
{
    env_params = "cc_kbc::http://a";
    write_file(config_file,
               "version = \"0.1.0\"\nalgorithm = \"sha384\" # as measured\n[data]\n\"aa.toml\" = '''x'''\n");
    loads(LOAD(ARG("--init-data"), config_file, NULL));
    cr_assert_eq(settings.init_data.digest_size, 48);
    cr_assert(slice_starts(settings.init_data.text, S("version")));
}

Test(config, init_data_without_a_known_algorithm_is_refused)
{
    env_params = "cc_kbc::http://a";
    write_file(config_file, "version = \"0.1.0\"\n[data]\nalgorithm = \"sha256\"\n");
    refuses(LOAD(ARG("--init-data"), config_file, NULL), "no key algorithm");
    unlink(config_file);
    memcpy(config_file + strlen(config_file) - 6, "XXXXXX", 6);
    write_file(config_file, "algorithm = \"md5\"\n");
    refuses(LOAD(ARG("--init-data"), config_file, NULL), "algorithm must be");
    unlink(config_file);
    memcpy(config_file + strlen(config_file) - 6, "XXXXXX", 6);
    write_file(config_file, "algorithm = \"sha256\"\nalgorithm = \"sha384\"\n");
    refuses(LOAD(ARG("--init-data"), config_file, NULL), "line 2");
}
