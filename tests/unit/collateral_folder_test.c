/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own folder of collateral: names, what is written, what is refused, what damage does.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/collateral/item.h"
#include "lib/base/bytes.h"

#define CHIP                                                           \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PPID256 CHIP CHIP CHIP CHIP

static char root[64];
static char path[128];
static struct arena arena;
static struct collateral_folder folder;
static char error[256];

static void setup(void)
{
    snprintf(root, sizeof root, "/tmp/collateral-folder-XXXXXX");
    cr_assert(mkdtemp(root));
    snprintf(path, sizeof path, "%s/store", root);
    cr_assert(!FAILED(arena_map(&arena, 64u << 20, ARENA_PLAIN)));
    cr_assert(!FAILED(collateral_folder_open(&folder, path, error, sizeof error)), "%s", error);
}

static void teardown(void)
{
    char command[160];
    collateral_folder_close(&folder);
    arena_unmap(&arena);
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert(system(command) == 0);
}

TestSuite(collateral_folder, .init = setup, .fini = teardown);

static struct collateral_item tcb_info(const char *bytes)
{
    return (struct collateral_item){S("intel/tcb-info"), S("tdx/50806f000000"), slice_text(bytes),
                                    S("-----BEGIN CERTIFICATE-----\n")};
}

static result put(const char *bytes, int64_t issued, uint64_t number)
{
    struct collateral_item item = tcb_info(bytes);
    struct collateral_facts facts = {issued, issued + 100, number};
    return collateral_folder_put(&folder, &item, &facts);
}

static result get(struct collateral_item *item, struct collateral_facts *facts)
{
    return collateral_folder_get(&folder, S("intel/tcb-info"), S("tdx/50806f000000"), &arena, item, facts);
}

/* The one file with this suffix. */
static char *only_file(const char *suffix)
{
    static char name[400];
    DIR *d = opendir(path);
    *name = 0;
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (slice_ends(slice_text(e->d_name), slice_text(suffix)))
            snprintf(name, sizeof name, "%s/%s", path, e->d_name);
    closedir(d);
    return name;
}

static void change_byte(const char *file, long at)
{
    FILE *f = fopen(file, "r+");
    cr_assert(f && fseek(f, at, SEEK_SET) == 0);
    int c = fgetc(f);
    cr_assert(fseek(f, at, SEEK_SET) == 0);
    fputc(c ^ 1, f);
    fclose(f);
}

/* --- names --- */

static bool is_name(const char *kind, const char *key)
{
    return collateral_is_name(slice_text(kind), slice_text(key));
}

Test(collateral_names, every_form_of_the_header_is_a_name)
{
    cr_assert(is_name("intel/tcb-info", "tdx/50806f000000"));
    cr_assert(is_name("intel/tcb-info", "sgx/00606a000000"));
    cr_assert(is_name("intel/qe-identity", "tdx"));
    cr_assert(is_name("intel/pck-crl", "processor"));
    cr_assert(is_name("intel/root-crl", "root"));
    cr_assert(is_name("intel/pck", "0123456789abcdef0123456789abcdef/0b0b0202ff8000060000000000000000/0d00/0000/-"));
    cr_assert(
        is_name("intel/pck", "0123456789abcdef0123456789abcdef/0b0b0202ff8000060000000000000000/0d00/0000/" PPID256));
    cr_assert(is_name("amd/vcek", "Milan/" CHIP "/3-0-8-115"));
    cr_assert(is_name("amd/vcek", "Turin/0123456789abcdef/1-0-4-82-2"));
    cr_assert(is_name("amd/ca-chain", "Genoa/vlek"));
    cr_assert(is_name("amd/crl", "Milan/vcek"));
}

Test(collateral_names, what_could_leave_a_folder_or_a_url_is_none)
{
    cr_assert_not(is_name("intel/tcb-info", "tdx/../../../etc"));
    cr_assert_not(is_name("intel/tcb-info", "tdx/50806F000000"), "upper case");
    cr_assert_not(is_name("intel/tcb-info", "tdx/50806f00000"));
    cr_assert_not(is_name("intel/tcb-info", "tdx/50806f000000/"));
    cr_assert_not(is_name("intel/tcb-info", "/tdx/50806f000000"));
    cr_assert_not(is_name("intel/tcb-info", "snp/50806f000000"));
    cr_assert_not(is_name("intel/pck-crl", "platform&encoding=der"));
    cr_assert_not(is_name("intel/root-crl", ""));
    cr_assert_not(is_name("amd/vcek", "Mi lan/" CHIP "/3-0-8-115"));
    cr_assert_not(is_name("amd/vcek", "../" CHIP "/3-0-8-115"));
    cr_assert_not(is_name("amd/vcek", "Milan/" CHIP "/3-0-8"));
    cr_assert_not(is_name("amd/vcek", "Milan/" CHIP "/3-0-8-256"));
    cr_assert_not(is_name("amd/vcek", "Milan/" CHIP "/3-0-8-0115"));
    cr_assert_not(is_name("amd/vcek", "Milan/" CHIP "/3-0-8-1-1-1"));
    cr_assert_not(is_name("amd/ca-chain", "Genoa/vcek?x"));
    cr_assert_not(is_name("intel/pck", "aa/bb/cc/dd/ee/ff"));
    cr_assert_not(is_name("acme/thing", "root"));
    cr_assert_not(is_name("", "root"));
}

/* --- putting and getting --- */

Test(collateral_folder, what_was_put_is_got_after_opening_anew)
{
    struct collateral_item item;
    struct collateral_facts facts;
    cr_assert(!FAILED(put("{\"tcbInfo\":{}}", 1000, 7)));
    collateral_folder_close(&folder);
    cr_assert(!FAILED(collateral_folder_open(&folder, path, error, sizeof error)));
    cr_assert(!FAILED(get(&item, &facts)));
    cr_assert(slice_equal(item.bytes, S("{\"tcbInfo\":{}}")));
    cr_assert(slice_equal(item.chain, S("-----BEGIN CERTIFICATE-----\n")));
    cr_assert(slice_equal(item.key, S("tdx/50806f000000")));
    cr_assert(facts.issued == 1000 && facts.not_after == 1100 && facts.number == 7);
}

Test(collateral_folder, what_is_not_there_is_absent)
{
    struct collateral_item item;
    struct collateral_facts facts;
    cr_assert_eq(get(&item, &facts).reason, COLLATERAL_ABSENT);
    cr_assert_eq(collateral_folder_get(&folder, S("intel/tcb-info"), S("../x"), &arena, &item, &facts).reason,
                 COLLATERAL_ABSENT);
}

Test(collateral_folder, a_name_of_no_known_form_is_not_stored)
{
    struct collateral_item item = tcb_info("x");
    struct collateral_facts facts = {0};
    item.key = S("tdx/../../../../tmp/x");
    cr_assert_eq(collateral_folder_put(&folder, &item, &facts).reason, STORAGE);
}

Test(collateral_folder, an_empty_or_huge_item_is_not_stored)
{
    struct collateral_item item = tcb_info("");
    struct collateral_facts facts = {0};
    cr_assert_eq(collateral_folder_put(&folder, &item, &facts).reason, STORAGE);
    uint8_t *huge = calloc(1, COLLATERAL_BYTES_MAX + 1);
    item.bytes = slice_of(huge, COLLATERAL_BYTES_MAX + 1);
    cr_assert_eq(collateral_folder_put(&folder, &item, &facts).reason, STORAGE);
    item.bytes.len--;
    cr_assert(!FAILED(collateral_folder_put(&folder, &item, &facts)));
    free(huge);
}

Test(collateral_folder, an_earlier_issue_date_is_refused)
{
    struct collateral_item item;
    struct collateral_facts facts;
    cr_assert(!FAILED(put("new", 1000, 7)));
    cr_assert_eq(put("old", 999, 7).reason, COLLATERAL_OLDER);
    cr_assert(!FAILED(get(&item, &facts)));
    cr_assert(slice_equal(item.bytes, S("new")));
}

Test(collateral_folder, a_lower_number_is_refused_even_if_it_was_issued_later)
{
    cr_assert(!FAILED(put("new", 1000, 7)));
    cr_assert_eq(put("old", 2000, 6).reason, COLLATERAL_OLDER);
    cr_assert_eq(put("old", 2000, 0).reason, COLLATERAL_OLDER);
}

Test(collateral_folder, the_same_or_a_later_one_replaces)
{
    struct collateral_item item;
    struct collateral_facts facts;
    cr_assert(!FAILED(put("a", 1000, 7)));
    cr_assert(!FAILED(put("b", 1000, 7)));
    cr_assert(!FAILED(put("c", 1001, 8)));
    cr_assert(!FAILED(get(&item, &facts)));
    cr_assert(slice_equal(item.bytes, S("c")));
}

Test(collateral_folder, it_does_not_go_back_across_a_restart)
{
    cr_assert(!FAILED(put("new", 1000, 7)));
    collateral_folder_close(&folder);
    cr_assert(!FAILED(collateral_folder_open(&folder, path, error, sizeof error)));
    cr_assert_eq(put("old", 999, 7).reason, COLLATERAL_OLDER);
}

Test(collateral_folder, files_are_for_their_owner_alone)
{
    struct stat status;
    cr_assert(!FAILED(put("x", 1, 1)));
    cr_assert(stat(path, &status) == 0 && (status.st_mode & 07777) == 0700);
    cr_assert(stat(only_file(".item"), &status) == 0 && (status.st_mode & 07777) == 0600);
}

Test(collateral_folder, what_was_deleted_is_absent)
{
    struct collateral_item item;
    struct collateral_facts facts;
    cr_assert(!FAILED(put("x", 1, 1)));
    cr_assert(!FAILED(collateral_folder_delete(&folder, S("intel/tcb-info"), S("tdx/50806f000000"))));
    cr_assert_eq(get(&item, &facts).reason, COLLATERAL_ABSENT);
    cr_assert_eq(collateral_folder_delete(&folder, S("intel/tcb-info"), S("tdx/50806f000000")).reason,
                 COLLATERAL_ABSENT);
}

/* --- damage --- */

Test(collateral_folder, every_changed_byte_is_found_and_the_file_set_aside)
{
    struct collateral_item item;
    struct collateral_facts facts;
    struct stat status;
    cr_assert(!FAILED(put("some bytes", 1, 1)));
    cr_assert(stat(only_file(".item"), &status) == 0);
    for (long at = 0; at < status.st_size; at++) {
        change_byte(only_file(".item"), at);
        cr_assert_eq(get(&item, &facts).reason, COLLATERAL_CORRUPT, "byte %ld", at);
        cr_assert_str_empty(only_file(".item"));
        cr_assert_str_not_empty(only_file(".item.corrupt"));
        cr_assert_eq(get(&item, &facts).reason, COLLATERAL_ABSENT);
        cr_assert(!FAILED(put("some bytes", 1, 1)));
    }
}

Test(collateral_folder, every_truncation_is_found)
{
    struct collateral_item item;
    struct collateral_facts facts;
    struct stat status;
    cr_assert(!FAILED(put("some bytes", 1, 1)));
    cr_assert(stat(only_file(".item"), &status) == 0);
    for (off_t size = 0; size < status.st_size; size++) {
        cr_assert(truncate(only_file(".item"), size) == 0);
        cr_assert_eq(get(&item, &facts).reason, COLLATERAL_CORRUPT, "%ld bytes", (long)size);
        cr_assert(!FAILED(put("some bytes", 1, 1)));
    }
}

Test(collateral_folder, a_whole_item_under_another_items_name_is_corrupt)
{
    struct collateral_item item = {S("intel/root-crl"), S("root"), S("crl"), NO_SLICE};
    struct collateral_facts facts = {1, 1, 1};
    char name[400];
    cr_assert(!FAILED(put("x", 1, 1)));
    snprintf(name, sizeof name, "%s", only_file(".item"));
    cr_assert(unlink(name) == 0);
    cr_assert(!FAILED(collateral_folder_put(&folder, &item, &facts)));
    cr_assert(rename(only_file(".item"), name) == 0);
    cr_assert_eq(get(&item, &facts).reason, COLLATERAL_CORRUPT);
}

Test(collateral_folder, a_symbolic_link_is_not_followed)
{
    struct collateral_item item;
    struct collateral_facts facts;
    char name[400], elsewhere[128];
    cr_assert(!FAILED(put("x", 1, 1)));
    snprintf(name, sizeof name, "%s", only_file(".item"));
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    cr_assert(rename(name, elsewhere) == 0 && symlink(elsewhere, name) == 0);
    cr_assert_eq(get(&item, &facts).reason, COLLATERAL_CORRUPT);
    cr_assert(access(elsewhere, F_OK) == 0, "what the link named stays");
}

/* --- the folder itself --- */

Test(collateral_folder, a_folder_that_others_may_write_to_is_refused)
{
    struct collateral_folder other;
    cr_assert(chmod(path, 0770) == 0);
    cr_assert_eq(collateral_folder_open(&other, path, error, sizeof error).reason, STORAGE);
    cr_assert(strstr(error, "chmod go-w"), "%s", error);
}

Test(collateral_folder, a_link_to_a_folder_is_refused)
{
    struct collateral_folder other;
    char link[128];
    snprintf(link, sizeof link, "%s/link", root);
    cr_assert(symlink(path, link) == 0);
    cr_assert_eq(collateral_folder_open(&other, link, error, sizeof error).reason, STORAGE);
    cr_assert(strstr(error, "symbolic link"), "%s", error);
}

Test(collateral_folder, a_folder_of_another_version_is_refused)
{
    struct collateral_folder other;
    char file[160];
    snprintf(file, sizeof file, "%s/VERSION", path);
    FILE *f = fopen(file, "w");
    fputs("trustee-collateral 2\n", f);
    fclose(f);
    cr_assert_eq(collateral_folder_open(&other, path, error, sizeof error).reason, STORAGE);
    cr_assert(strstr(error, "VERSION"), "%s", error);
}

Test(collateral_folder, a_dead_writers_temporary_file_is_swept_and_a_living_ones_left)
{
    struct collateral_folder other;
    char dead[160], living[160];
    struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    snprintf(dead, sizeof dead, "%s/.tmp-0123456789abcdef", path);
    snprintf(living, sizeof living, "%s/.tmp-fedcba9876543210", path);
    fclose(fopen(dead, "w"));
    fclose(fopen(living, "w"));
    cr_assert(utimensat(AT_FDCWD, dead, old, 0) == 0);
    cr_assert(!FAILED(collateral_folder_open(&other, path, error, sizeof error)));
    collateral_folder_close(&other);
    cr_assert(access(dead, F_OK) != 0);
    cr_assert(access(living, F_OK) == 0);
}

static void count(void *user, const struct collateral_item *item, const struct collateral_facts *facts)
{
    size_t *n = user;
    cr_assert(collateral_is_name(item->kind, item->key) && facts->issued == 1);
    ++*n;
}

Test(collateral_folder, a_list_has_what_is_whole_and_counts_what_is_not)
{
    struct collateral_item crl = {S("intel/root-crl"), S("root"), S("crl"), NO_SLICE};
    struct collateral_facts facts = {1, 1, 1};
    size_t n = 0, corrupt = 0;
    cr_assert(!FAILED(put("x", 1, 1)));
    change_byte(only_file(".item"), 100);
    cr_assert(!FAILED(collateral_folder_put(&folder, &crl, &facts)));
    cr_assert(!FAILED(collateral_folder_list(&folder, &arena, count, &n, &corrupt)));
    cr_assert(n == 1 && corrupt == 1);
    cr_assert_eq(arena.used, 0);
}

/* Two processes race upwards; whoever is last, nothing ever goes back and nothing is torn. */
Test(collateral_folder, writers_at_once_never_go_back)
{
    pid_t child = fork();
    for (int64_t i = 1; i <= 60; i++) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)i);
        result r = put(text, i, (uint64_t)i);
        if (FAILED(r) && r.reason != COLLATERAL_OLDER)
            _exit(1);
    }
    if (child == 0)
        _exit(0);
    int status;
    struct collateral_item item;
    struct collateral_facts facts;
    cr_assert(waitpid(child, &status, 0) == child && status == 0);
    cr_assert(!FAILED(get(&item, &facts)));
    cr_assert(facts.number == 60 && slice_equal(item.bytes, S("60")));
}
