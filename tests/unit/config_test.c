/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's own options, and the files that they name.
 */
#include "core/conf/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/conf/file.h"

static char path[] = "/tmp/trustee-config-XXXXXX";
static struct config config;
static bool was_read;
static char error[1024];

static void setup(void)
{
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    close(fd);
}

static void teardown(void)
{
    unlink(path);
    if (was_read)
        config_free(&config);
}

TestSuite(config, .init = setup, .fini = teardown);

static void write_text(const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static enum reason reads(const char *text)
{
    write_text(text);
    if (was_read)
        config_free(&config);
    was_read = true;
    error[0] = 0;
    return config_read(path, &config, error, sizeof error).reason;
}

static void refuses(const char *text, const char *what)
{
    cr_assert_eq(reads(text), CONFIG_VALUE, "%s", text);
    cr_assert(strstr(error, path) && strstr(error, what), "%s", error);
}

#define PLAIN "[http]\ntls = no\n"

Test(config, defaults_are_as_documented)
{
    cr_assert_eq(reads(PLAIN), REASON_OK, "%s", error);
    cr_assert_eq(config.service.profile, PROFILE_STANDARD);
    cr_assert_eq(config.service.compat_status, STATUS_OWN);
    cr_assert(config.http.listen.count == 1 && slice_equal(config.http.listen.items[0], S("127.0.0.1:8080")));
    cr_assert(config.http.body_limit == 2 << 20 && config.http.head_limit == 128 << 10 && config.http.headers == 96);
    cr_assert(config.session.challenge_life == 300 && config.session.key_files.count == 0);
    cr_assert(config.token.life == 300 && config.token.leeway == 60 && config.token.verbose);
    cr_assert(slice_equal(config.token.issuer, S("CoCo-Attestation-Service")));
    cr_assert(slice_equal(config.token.profile, S("tag:github.com,2024:confidential-containers/Trustee")));
    cr_assert(slice_equal(config.storage.use, S("file")) && slice_equal(config.policy.use, S("rego")));
}

Test(config, everything_that_weakens_a_check_is_off)
{
    cr_assert_eq(reads(PLAIN), REASON_OK, "%s", error);
    cr_assert_not(config.admin.allow_unauthenticated);
    cr_assert_not(config.plugins.allow_insecure);
    cr_assert_not(config.token.insecure_header_jwk);
    cr_assert_not(config.release.allow_rsa1_5);
}

Test(config, tls_is_on_and_wants_its_files)
{
    refuses("", "certificate and private_key");
    refuses("[http]\ncertificate = /x\n", "certificate and private_key");
    cr_assert_eq(reads("[http]\ncertificate = /x\nprivate_key = /y\n"), REASON_OK, "%s", error);
    cr_assert(config.http.tls);
}

Test(config, several_values_are_kept_in_their_order)
{
    cr_assert_eq(reads("[http]\ntls = no\nlisten = 127.0.0.1:1\nlisten = [::1]:2\n[session]\nkey_file = /a\n"
                       "key_file = /b\n"),
                 REASON_OK, "%s", error);
    cr_assert(slice_equal(config.http.listen.items[1], S("[::1]:2")));
    cr_assert_eq(config.session.key_files.count, 2);
    cr_assert(slice_equal(config.session.key_files.items[1], S("/b")));
}

Test(config, unknown_and_repeated_keys_are_refused_where_they_stand)
{
    refuses(PLAIN "bodylimit = 1MiB\n", ":3:1: ");
    refuses(PLAIN "body_limit = 1MiB\nbody_limit = 1MiB\n", ":4:1: ");
    refuses(PLAIN "[token]\nallow_insecure = yes\n", ":4:1: ");
}

Test(config, values_out_of_range_are_refused_where_they_stand)
{
    refuses(PLAIN "body_limit = 1KiB\n", ":3:14: ");
    refuses(PLAIN "workers = 1\n", ":3:1: ");
    refuses(PLAIN "[service]\nworkers = 0\n", ":4:11: ");
    refuses(PLAIN "[service]\nworkers = 257\n", ":4:11: ");
    refuses(PLAIN "[service]\nprofile = lax\n", ":4:11: ");
    refuses(PLAIN "[token]\nleeway = 61s\n", ":4:10: ");
    refuses(PLAIN "[session]\nchallenge_life = 2h\n", ":4:18: ");
    refuses(PLAIN "[admin]\nallow_unauthenticated = true\n", ":4:25: ");
    refuses(PLAIN "[plugins]\ndirectory = plugins\n", ":4:13: ");
    refuses(PLAIN "[plugins]\ndirectory = /a/../b\n", ":4:13: ");
}

Test(config, a_section_that_nobody_reads_is_refused)
{
    cr_assert_eq(reads(PLAIN "[storages]\nuse = file\n"), REASON_OK, "%s", error);
    cr_assert_eq(config_finish(&config, error, sizeof error).reason, CONFIG_VALUE);
    cr_assert(strstr(error, ":3:") && strstr(error, "storage"), "%s", error);
    cr_assert_eq(reads(PLAIN "[binding x]\npath = a/b/c\n"), REASON_OK, "%s", error);
    cr_assert_eq(config_finish(&config, error, sizeof error).reason, CONFIG_VALUE);
    cr_assert_eq(reads(PLAIN), REASON_OK);
    cr_assert_eq(config_finish(&config, error, sizeof error).reason, REASON_OK, "%s", error);
}

Test(config, malformed_files_are_refused)
{
    cr_assert_eq(reads("[http\n"), CONFIG_SYNTAX);
    cr_assert(strstr(error, path), "%s", error);
    cr_assert_eq(reads("no section = 1\n"), CONFIG_SYNTAX);
    was_read = false;
    cr_assert(FAILED(config_read("/nonexistent/trusteed.ini", &config, error, sizeof error)));
    cr_assert(strstr(error, "/nonexistent/trusteed.ini"), "%s", error);
    config_free(&config);
}

#define STRICT "[service]\nprofile = restricted\n[http]\ncertificate = /x\nprivate_key = /y\n"

Test(config, the_restricted_profile_is_possible)
{
    cr_assert_eq(reads(STRICT "[release]\nrequire_binding = yes\n"), REASON_OK, "%s", error);
}

Test(config, the_restricted_profile_refuses_each_switch_that_weakens_a_check)
{
    refuses(STRICT, "require_binding");
    refuses(STRICT "[release]\nrequire_binding = yes\nallow_rsa1_5 = yes\n", "allow_rsa1_5");
    refuses(STRICT "[release]\nrequire_binding = yes\n[admin]\nallow_unauthenticated = yes\n", "allow_unauthenticated");
    refuses(STRICT "[release]\nrequire_binding = yes\n[plugins]\nallow_insecure = yes\n", "allow_insecure");
    refuses(STRICT "[release]\nrequire_binding = yes\n[token]\nallow_insecure_header_jwk = yes\n",
            "allow_insecure_header_jwk");
    refuses("[service]\nprofile = restricted\n[http]\ntls = no\n[release]\nrequire_binding = yes\n", "tls = no");
}

Test(config, the_switches_of_plugins_are_named_and_refused_too)
{
    const char *names[CONFIG_SWITCHES_MAX];
    cr_assert_eq(reads("[http]\ncertificate = /x\nprivate_key = /y\n[plugin tdx]\npath = /p\nallow_debug = yes\n"
                       "allow_service_td = no\n[plugin other]\npath = /p\ncompat_old = yes\n"),
                 REASON_OK, "%s", error);
    cr_assert_eq(config_switches(&config, names), 2);
    cr_expect_str_eq(names[0], "plugin.tdx.allow_debug");
    cr_expect_str_eq(names[1], "plugin.other.compat_old");
    refuses(STRICT "[release]\nrequire_binding = yes\n[plugin tdx]\nallow_debug = yes\n", "plugin.tdx.allow_debug");
}

Test(config, the_switches_that_are_on_are_named)
{
    const char *names[CONFIG_SWITCHES_MAX];
    cr_assert_eq(reads("[http]\ncertificate = /x\nprivate_key = /y\n"), REASON_OK, "%s", error);
    cr_assert_eq(config_switches(&config, names), 0);
    cr_assert_eq(reads("[service]\ncompat_status = upstream\n[http]\ntls = no\n[admin]\nallow_unauthenticated = yes\n"
                       "[plugins]\nallow_insecure = yes\n[token]\nallow_insecure_header_jwk = yes\n[release]\n"
                       "allow_rsa1_5 = yes\n"),
                 REASON_OK, "%s", error);
    cr_assert_eq(config_switches(&config, names), 6);
    cr_assert_str_eq(names[0], "compat_status");
}

Test(config, help_is_an_ini_that_can_be_read)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    config_help(f);
    fclose(f);
    cr_assert(strstr(text, "certificate_chain") && strstr(text, "[records]"));
    reads(text);
    cr_assert(!error[0] || strstr(error, "certificate and private_key"), "%s", error);
    free(text);
}

/* --- files --- */

static enum reason file_gives(size_t limit, bool secret, struct arena *a, slice *out)
{
    return file_read("[x] y", slice_text(path), limit, secret, a, out, error, sizeof error).reason;
}

Test(config, a_file_is_read_whole_or_refused)
{
    struct arena a;
    slice out;
    cr_assert(!FAILED(arena_map(&a, 65536, ARENA_PLAIN)));
    write_text("12345678");
    cr_assert_eq(file_gives(8, false, &a, &out), REASON_OK);
    cr_assert(slice_equal(out, S("12345678")));
    cr_assert_eq(file_gives(7, false, &a, &out), CONFIG_FILE);
    cr_assert(strstr(error, "[x] y") && strstr(error, path) && strstr(error, "larger"), "%s", error);
    arena_unmap(&a);
}

Test(config, a_secret_that_others_can_read_is_refused)
{
    struct arena a;
    slice out;
    cr_assert(!FAILED(arena_map(&a, 65536, ARENA_SECRET)));
    write_text("secret");
    static const mode_t bad[] = {0604, 0602, 0601, 0777};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        chmod(path, bad[i]);
        cr_assert_eq(file_gives(64, true, &a, &out), CONFIG_FILE);
        cr_assert(strstr(error, "chmod"), "%s", error);
    }
    chmod(path, 0640);
    cr_assert_eq(file_gives(64, true, &a, &out), REASON_OK);
    arena_unmap(&a);
}

Test(config, what_is_no_regular_file_is_refused)
{
    struct arena a;
    slice out;
    cr_assert(!FAILED(arena_map(&a, 65536, ARENA_PLAIN)));
    cr_assert_eq(file_read("x", S("/tmp"), 64, false, &a, &out, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_eq(file_read("x", S("/dev/zero"), 64, false, &a, &out, error, sizeof error).reason, CONFIG_FILE);
    cr_assert_eq(file_read("x", S("/nonexistent"), 64, false, &a, &out, error, sizeof error).reason, CONFIG_FILE);
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(file_gives(64, false, &a, &out), CONFIG_FILE);
    cr_assert(strstr(error, "regular"), "%s", error);
    arena_unmap(&a);
}
