/* SPDX-License-Identifier: Apache-2.0 */
#include "core/plugin/plugin.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log/log.h"
#include "lib/signature/signature.h"

#define BAD TEST_BUILD "/tests/abi"
#define SHIPPED TEST_BUILD "/plugins"

static struct arena arena;
static struct ini ini;
static struct plugins *plugins;
static char error[1024];
static char folder[64]; /* a directory of the test's own */

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)8 << 20, ARENA_PLAIN)));
    plugins = NULL;
    log_set_level(LOG_ERROR);
    strcpy(folder, "/tmp/plugin_load_XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void teardown(void)
{
    char command[128];
    plugins_free(plugins);
    arena_unmap(&arena);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(plugin_load, .init = setup, .fini = teardown);

static result load(const char *directory, bool allow_insecure, const char *text)
{
    struct plugin_settings settings = {slice_text(directory), allow_insecure, false};
    cr_assert(!FAILED(ini_parse(&arena, S("t.ini"), slice_text(text), &ini, error, sizeof error)), "%s", error);
    return plugins_load(&ini, &settings, &plugins, error, sizeof error);
}

static void loads(const char *text)
{
    result r = load(BAD, false, text);
    cr_assert(!FAILED(r), "%s", error);
    cr_assert(plugins);
}

/* Refused for `why`, with a message that begins with its position and holds `words`; and nothing is left. */
static void refuses_from(const char *directory, enum reason why, const char *text, const char *words)
{
    result r = load(directory, false, text);
    cr_assert_eq(r.reason, why, "%s", error);
    cr_assert_eq(strncmp(error, "t.ini:", 6), 0, "%s", error);
    cr_assert(strstr(error, words), "%s", error);
    cr_assert_null(plugins);
}

static void refuses(const char *text, const char *words)
{
    refuses_from(BAD, PLUGIN_LOAD, text, words);
}

static void copy_to(const char *from, const char *name, mode_t mode)
{
    char command[512];
    snprintf(command, sizeof command, "install -m %o %s %s/%s", (unsigned)mode, from, folder, name);
    cr_assert_eq(system(command), 0);
}

/* --- what loads --- */

Test(plugin_load, a_good_plugin_loads_and_serves_its_tee)
{
    loads("[plugin good]\n");
    const struct verifier *v = plugins_verifier(plugins, S("good"));
    cr_assert(v);
    cr_assert(slice_equal(verifier_plugin_name(v), S("good")));
    cr_assert_eq(verifier_tee(v)->report_width, 64);
    cr_assert_not(verifier_insecure(v));
    cr_assert_not(verifier_has_challenge(v));
    cr_assert_null(plugins_verifier(plugins, S("tdx")));
}

Test(plugin_load, no_plugin_sections_load_no_plugins)
{
    loads("[http]\n");
    cr_assert_eq(plugins_info(plugins, NULL, 0), 0);
}

Test(plugin_load, plugins_of_an_older_and_of_a_newer_minor_version_load)
{
    loads("[plugin older]\n[plugin newer]\n[plugin good]\n");
    cr_assert(plugins_verifier(plugins, S("older")));
    cr_assert(plugins_verifier(plugins, S("newer")));
}

Test(plugin_load, shipped_plugins_load)
{
    result r = load(SHIPPED, true, "[plugin sample]\n[plugin memory]\ncapacity = 1MiB\n");
    cr_assert(!FAILED(r), "%s", error);
    cr_assert(verifier_insecure(plugins_verifier(plugins, S("sample"))));
    cr_assert(plugins_verifier(plugins, S("sampledevice")));
    cr_assert(plugins_store(plugins, S("memory")));
    cr_assert_null(plugins_store(plugins, S("sample")));
}

Test(plugin_load, a_pin_that_holds_a_path_and_inline_isolation_are_accepted)
{
    char text[1024], hex[65] = "";
    uint8_t digest[32], *bytes = malloc(1 << 20);
    FILE *f = fopen(BAD "/good.so", "rb");
    size_t size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    cr_assert(!FAILED(sha256(slice_of(bytes, size), digest)));
    hex_encode((uint8_t *)hex, slice_of(digest, 32));
    free(bytes);
    snprintf(text, sizeof text, "[plugin good]\npath = " BAD "/good.so\nsha256 = %s\nisolation = inline\n", hex);
    loads(text);
    struct plugin_info info;
    cr_assert_eq(plugins_info(plugins, &info, 1), 1);
    cr_assert(slice_equal(info.name, S("good")));
    cr_assert(slice_equal(info.kind, S("verifier")));
    cr_assert(slice_equal(info.sha256, slice_text(hex)));
    cr_assert(slice_equal(info.file, S(BAD "/good.so")));
}

Test(plugin_load, the_same_file_can_be_loaded_again_and_again)
{
    for (int i = 0; i < 300; i++) {
        loads("[plugin good]\n");
        plugins_free(plugins);
        plugins = NULL;
    }
}

Test(plugin_load, reasons_are_found_by_their_id)
{
    loads("[plugin good]\n");
    const trustee_reason *r = plugins_reason(plugins, S("good.bad"));
    cr_assert(r);
    cr_assert(slice_equal(r->remedy, S("make it good")));
    cr_assert_null(plugins_reason(plugins, S("good.other")));
}

Test(plugin_load, the_names_of_the_protocol_are_known_with_their_alias)
{
    static const char *const names[] = {"az-snp-vtpm", "az-tdx-vtpm", "nvidia",    "sgx",    "snp",
                                        "tdx",         "cca",         "csv",       "se",     "tpm",
                                        "hygondcu",    "nvidia-dpu",  "nvidiadpu", "sample", "sampledevice"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert(tee_is_known(slice_text(names[i])), "%s", names[i]);
    cr_assert_not(tee_is_known(S("good")));
    cr_assert_not(tee_is_known(S("")));
}

/* --- bad descriptors --- */

Test(plugin_load, a_shared_object_without_the_symbol_is_refused)
{
    refuses("[plugin no-symbol]\n", "is no plugin: it does not export trustee_plugin_describe_v1");
}

Test(plugin_load, a_plugin_of_another_abi_major_is_refused_naming_both)
{
    refuses("[plugin other-major]\n", "built for plugin ABI 2 and this service has 1");
}

Test(plugin_load, a_descriptor_of_null_or_wrong_magic_is_refused)
{
    refuses("[plugin null-descriptor]\n", "gave NULL");
    refuses("[plugin wrong-magic]\n", "magic 1122334455667788");
}

Test(plugin_load, structs_that_are_too_short_or_of_odd_size_are_refused)
{
    refuses("[plugin short-struct]\n", "its descriptor says that it has");
    refuses("[plugin odd-struct]\n", "expected a multiple of 8");
    refuses("[plugin short-verifier]\n", "its verifier table says that it has");
}

Test(plugin_load, a_verifier_without_verify_is_refused)
{
    refuses("[plugin no-verify]\n", "no verify function");
}

Test(plugin_load, an_unknown_required_flag_or_thread_model_is_refused)
{
    refuses("[plugin unknown-flag]\n", "requires flags 0x10000000000 that this service (ABI 1.0) does not know");
    refuses("[plugin unknown-threads]\n", "thread model 7 is unknown");
}

Test(plugin_load, other_rules_than_the_protocols_are_refused_for_a_known_tee)
{
    refuses("[plugin wrong-rule]\n",
            "binds the report data of TEE 'tdx' as EXACT of 0 bytes; the protocol has PAD of 64");
    refuses("[plugin wrong-init-rule]\n", "binds the init-data of TEE 'tpm' as NONE");
    refuses("[plugin wrong-class]\n", "calls TEE 'nvidia' a 'cpu'; the protocol has 'gpu'");
}

Test(plugin_load, a_foreign_tee_must_bind_at_least_32_bytes)
{
    refuses("[plugin unbound]\n", "TEE 'unbound' binds its report data as NONE");
    refuses("[plugin narrow]\n", "TEE 'narrow' binds its report data as TRUNCATE of 16 bytes");
}

Test(plugin_load, an_alias_is_not_a_name)
{
    refuses("[plugin alias-tee]\n", "declare 'nvidia-dpu'");
}

Test(plugin_load, a_tee_is_served_once)
{
    refuses("[plugin double-tee]\npath = " BAD "/double-tee.so\n", "is served by plugin 'double-tee' already");
    refuses("[plugin good]\n[plugin twin]\n", "t.ini:2:1: plugin twin: TEE 'good' is served by plugin 'good' already");
}

Test(plugin_load, reasons_and_options_must_be_the_plugins_own)
{
    refuses("[plugin foreign-reason]\n", "begins with 'foreign-reason.'");
    refuses("[plugin common-option]\n", "option 'path' has the name of one that every plugin has");
    refuses("[plugin bad-default]\n", "the default of its option 'n' does not fit; expected a number, from 0 to 9");
}

Test(plugin_load, an_insecure_plugin_needs_leave)
{
    refuses("[plugin insecure]\n", "allow_insecure = yes");
    refuses("[plugin unmarked-sample]\n", "the plugin is not marked insecure");
    cr_assert(!FAILED(load(BAD, true, "[plugin insecure]\n")), "%s", error);
    cr_assert(verifier_insecure(plugins_verifier(plugins, S("insecure"))));
}

Test(plugin_load, leave_for_insecure_plugins_does_not_unmark_the_sample_tee)
{
    cr_assert_eq(load(BAD, true, "[plugin unmarked-sample]\n").reason, PLUGIN_LOAD);
}

Test(plugin_load, a_failing_init_or_self_test_is_refused_with_what_it_logged)
{
    refuses("[plugin failing-init]\n", "its init answered E_CONFIG (-5): the moon is not full");
    refuses("[plugin failing-self-test]\n", "its self test answered E_INTERNAL (-7): two and two are five");
}

Test(plugin_load, it_is_all_or_nothing)
{
    refuses("[plugin good]\n[plugin failing-init]\n", "t.ini:2:1: plugin failing-init: ");
}

/* --- the INI's fault --- */

Test(plugin_load, a_section_without_a_name_is_refused)
{
    refuses_from(BAD, CONFIG_VALUE, "[plugin]\n", "t.ini:1:1: the section lacks the plugin's name");
}

Test(plugin_load, unknown_options_are_refused_with_the_nearest)
{
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\nnotes = x\n",
                 "t.ini:2:1: unknown key 'notes' (did you mean 'note'?)");
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\nsha265 = x\n", "(did you mean 'sha256'?)");
}

Test(plugin_load, options_of_a_wrong_type_or_repeated_are_refused)
{
    refuses_from(BAD, CONFIG_VALUE, "[plugin actor]\nsize = 2MiB\n", "t.ini:2:8: '2MiB' does not fit 'size'");
    refuses_from(BAD, CONFIG_VALUE, "[plugin actor]\ntruth = 1\n", "expected yes or no");
    refuses_from(BAD, CONFIG_VALUE, "[plugin actor]\ntext = a\ntext = b\n", "t.ini:3:1: 'text' stands twice");
    refuses_from(BAD, CONFIG_VALUE, "[plugin actor]\nanchor = /nonexistent\n", "No such file");
    refuses_from(BAD, CONFIG_VALUE, "[plugin actor]\nanchor = /dev/null\n", "not a regular file");
}

Test(plugin_load, a_secret_options_value_is_never_repeated)
{
    refuses_from(BAD, CONFIG_VALUE, "[plugin actor]\npassword = hunter2\n", "the value of 'password' does not fit");
    cr_assert_null(strstr(error, "hunter2"));
}

Test(plugin_load, process_isolation_and_optional_plugins_are_refused_in_words)
{
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\nisolation = process\n", "not implemented in this version");
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\nisolation = docker\n", "expected one of inline, process");
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\noptional = yes\n", "'optional' is not supported");
}

Test(plugin_load, a_name_that_differs_from_the_section_is_refused)
{
    refuses("[plugin better]\npath = " BAD "/good.so\n", "is plugin 'good'; name the section [plugin good]");
}

/* --- the file's fault --- */

Test(plugin_load, a_missing_file_is_refused_with_its_path)
{
    refuses("[plugin absent]\n", BAD "/absent.so cannot be opened: No such file or directory");
}

Test(plugin_load, a_path_that_is_relative_or_outside_the_directory_is_refused)
{
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\npath = good.so\n", "an absolute path");
    refuses_from(BAD, CONFIG_VALUE, "[plugin good]\npath = " BAD "/../abi/good.so\n", "without '..'");
    refuses_from(SHIPPED, PLUGIN_LOAD, "[plugin good]\npath = " BAD "/good.so\n",
                 "does not lie in the plugin directory");
}

Test(plugin_load, a_directory_whose_name_merely_begins_alike_is_another)
{
    char text[256];
    snprintf(text, sizeof text, "[plugin good]\npath = %s2/good.so\n", folder);
    refuses_from(folder, PLUGIN_LOAD, text, "does not lie in the plugin directory");
}

Test(plugin_load, a_symlink_is_refused_even_within_the_directory)
{
    char link[128];
    copy_to(BAD "/good.so", "real.so", 0755);
    snprintf(link, sizeof link, "%s/good.so", folder);
    cr_assert_eq(symlink("real.so", link), 0);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "is a symbolic link");
}

Test(plugin_load, a_symlinked_folder_on_the_way_is_refused)
{
    char link[128], text[256];
    snprintf(link, sizeof link, "%s/sub", folder);
    cr_assert_eq(symlink(BAD, link), 0);
    snprintf(text, sizeof text, "[plugin good]\npath = %s/sub/good.so\n", folder);
    refuses_from(folder, PLUGIN_LOAD, text, "is a symbolic link, or lies behind one");
}

Test(plugin_load, a_file_that_others_may_write_to_is_refused)
{
    copy_to(BAD "/good.so", "good.so", 0775);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "chmod go-w");
    copy_to(BAD "/good.so", "good.so", 0757);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "chmod go-w");
}

Test(plugin_load, a_directory_that_everybody_may_write_to_is_refused)
{
    copy_to(BAD "/good.so", "good.so", 0755);
    cr_assert_eq(chmod(folder, 0777), 0);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "chmod o-w");
}

Test(plugin_load, a_file_of_another_user_is_refused)
{
    char path[128];
    if (geteuid() != 0)
        cr_skip_test("giving files away takes root");
    copy_to(BAD "/good.so", "good.so", 0755);
    snprintf(path, sizeof path, "%s/good.so", folder);
    cr_assert_eq(chown(path, 12345, 0), 0);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "belongs to uid 12345");
}

Test(plugin_load, a_file_that_is_no_shared_object_is_refused)
{
    char path[128];
    snprintf(path, sizeof path, "%s/good.so", folder);
    FILE *f = fopen(path, "w");
    fputs("#!/bin/sh\n", f);
    fclose(f);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "is not a shared object that can be loaded here: ");
    cr_assert_null(strstr(error, "/proc/self"), "%s", error);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0755), 0);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "not a regular file");
}

Test(plugin_load, a_fifo_in_place_of_the_file_does_not_hang)
{
    char path[128];
    snprintf(path, sizeof path, "%s/good.so", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "not a regular file");
}

Test(plugin_load, a_wrong_pin_is_refused_before_any_code_runs)
{
    /* no-symbol.so would be refused for another reason once it was mapped */
    refuses("[plugin no-symbol]\nsha256 = 0000000000000000000000000000000000000000000000000000000000000000\n",
            "and 'sha256' demands 00000000");
    refuses("[plugin good]\nsha256 = 00\n", "not 64 hex digits");
}

Test(plugin_load, a_file_that_was_overwritten_in_place_is_refused)
{
    char command[512];
    copy_to(BAD "/good.so", "good.so", 0755);
    cr_assert(!FAILED(load(folder, false, "[plugin good]\n")), "%s", error);
    plugins_free(plugins);
    plugins = NULL;
    /* The same inode with other bytes after the end of the object. */
    snprintf(command, sizeof command, "echo more >>%s/good.so", folder);
    cr_assert_eq(system(command), 0);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "was overwritten while it was loaded");
}

Test(plugin_load, a_file_that_was_replaced_under_a_new_inode_loads)
{
    char path[128];
    copy_to(BAD "/good.so", "good.so", 0755);
    cr_assert(!FAILED(load(folder, false, "[plugin good]\n")), "%s", error);
    plugins_free(plugins);
    plugins = NULL;
    snprintf(path, sizeof path, "%s/good.so", folder);
    cr_assert_eq(unlink(path), 0);
    copy_to(BAD "/older.so", "good.so", 0755);
    refuses_from(folder, PLUGIN_LOAD, "[plugin good]\n", "is plugin 'older'");
}

/* --- looking at files --- */

static char *dumped(const char *file)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    result r = plugin_dump(file, out, error, sizeof error);
    fclose(out);
    cr_assert(!FAILED(r), "%s", error);
    return text;
}

Test(plugin_load, a_dump_is_json_and_runs_no_init)
{
    const json *root;
    char *text = dumped(BAD "/failing-init.so");
    cr_assert(!FAILED(json_parse(&arena, slice_text(text), &root)), "%s", text);
    cr_assert(slice_equal(json_text(json_get(root, S("name"))), S("failing-init")));
    cr_assert_eq(json_text(json_get(root, S("sha256"))).len, 64);
    cr_assert(slice_equal(json_text(json_at(root, S("/tees/0/name"))), S("failing-init")));
    cr_assert(slice_equal(json_text(json_at(root, S("/options/0/name"))), S("note")));
    cr_assert(slice_equal(json_text(json_at(root, S("/reasons/0/id"))), S("failing-init.bad")));
    free(text);
}

Test(plugin_load, a_dump_of_a_bad_file_says_what_is_bad)
{
    cr_assert_eq(plugin_dump(BAD "/wrong-magic.so", stdout, error, sizeof error).reason, PLUGIN_LOAD);
    cr_assert_eq(strncmp(error, BAD "/wrong-magic.so: its descriptor", strlen(BAD "/wrong-magic.so: its descriptor")),
                 0, "%s", error);
}

Test(plugin_load, help_is_an_ini_section)
{
    struct plugin_settings settings = {S(SHIPPED), false, false};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    result r = plugin_help(&settings, "memory", out, error, sizeof error);
    fclose(out);
    cr_assert(!FAILED(r), "%s", error);
    cr_assert(strstr(text, "# capacity = 64MiB\n"), "%s", text);
    cr_assert(!FAILED(load(SHIPPED, false, text)), "%s", error);
    free(text);
}
