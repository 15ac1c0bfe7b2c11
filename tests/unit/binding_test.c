/* SPDX-License-Identifier: Apache-2.0
 *
 * Bindings of resource paths to workloads.
 */
#include "core/release/binding.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct arena arena;
static struct bindings *bindings;
static struct record record;
static char error[512];

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)8 << 20, ARENA_PLAIN)));
}

static void teardown(void)
{
    bindings_free(bindings);
    arena_unmap(&arena);
}

TestSuite(binding, .init = setup, .fini = teardown);

static enum reason load(const char *text, bool required)
{
    struct ini ini;
    bindings_free(bindings);
    bindings = NULL;
    cr_assert(!FAILED(ini_parse(&arena, S("t.ini"), slice_text(text), &ini, error, sizeof error)), "%s", error);
    return bindings_load(&ini, required, &bindings, error, sizeof error).reason;
}

static void loads(const char *text)
{
    cr_assert_eq(load(text, false), REASON_OK, "%s", error);
}

static void refuses(const char *text, const char *message)
{
    cr_assert_eq(load(text, false), CONFIG_VALUE, "%s", text);
    cr_assert(strstr(error, message) == error, "%s", error);
}

static enum reason judged(const char *path, const char *evidence)
{
    static const uint8_t id[16];
    const json *v = NULL;
    record_begin(&record, &arena, "release", id);
    if (evidence)
        cr_assert(!FAILED(json_parse(&arena, slice_text(evidence), &v)), "%s", evidence);
    return bindings_judge(bindings, slice_text(path), v, &record).reason;
}

#define PAYROLL "[binding payroll]\npath = default/payroll/key\nclaim = /tpm/ak_sha256 5f0c\n"

Test(binding, a_path_without_bindings_is_free)
{
    loads(PAYROLL);
    cr_assert_eq(judged("default/other/key", "{}"), REASON_OK);
    cr_assert_null(record.checks);
}

Test(binding, where_bindings_are_required_a_free_path_is_refused)
{
    cr_assert_eq(load(PAYROLL, true), REASON_OK);
    cr_assert_eq(judged("default/other/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\"}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\"}}"), REASON_OK);
}

Test(binding, a_bound_path_goes_to_its_workload_only)
{
    loads(PAYROLL);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\"}}"), REASON_OK);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0d\"}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c0\"}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"\"}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":\"5f0c\"}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", NULL), RELEASE_BINDING);
}

Test(binding, the_record_has_what_was_compared)
{
    loads(PAYROLL);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"beef\"}}"), RELEASE_BINDING);
    cr_assert(slice_equal(record.checks->name, S("binding payroll /tpm/ak_sha256")));
    cr_assert(slice_equal(record.checks->expected, S("5f0c")));
    cr_assert(slice_equal(record.checks->actual, S("beef")));
    cr_assert_not(record.checks->passed);
    cr_assert_eq(judged("default/payroll/key", "{}"), RELEASE_BINDING);
    cr_assert(slice_equal(record.checks->actual, S("absent")));
}

Test(binding, all_claims_of_one_binding_must_hold)
{
    loads(PAYROLL "claim = /tpm/pcr11 aa\n");
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\",\"pcr11\":\"aa\"}}"), REASON_OK);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\",\"pcr11\":\"bb\"}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\"}}"), RELEASE_BINDING);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"pcr11\":\"aa\"}}"), RELEASE_BINDING);
}

Test(binding, of_several_bindings_of_a_path_one_suffices)
{
    loads(PAYROLL "[binding second]\npath = default/payroll/key\nclaim = /tpm/ak_sha256 beef\n");
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"5f0c\"}}"), REASON_OK);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"beef\"}}"), REASON_OK);
    cr_assert_eq(judged("default/payroll/key", "{\"tpm\":{\"ak_sha256\":\"cafe\"}}"), RELEASE_BINDING);
}

Test(binding, claims_of_two_bindings_are_not_mixed)
{
    loads("[binding one]\npath = a/b/c\nclaim = /x 1\nclaim = /y 1\n"
          "[binding two]\npath = a/b/c\nclaim = /x 2\nclaim = /y 2\n");
    cr_assert_eq(judged("a/b/c", "{\"x\":\"1\",\"y\":\"2\"}"), RELEASE_BINDING);
    cr_assert_eq(judged("a/b/c", "{\"x\":\"2\",\"y\":\"2\"}"), REASON_OK);
}

Test(binding, a_binding_may_have_several_paths_and_stars)
{
    loads("[binding one]\npath = a/b/c\npath = team/*/key\nclaim = /x 1\n");
    cr_assert_eq(judged("a/b/c", "{}"), RELEASE_BINDING);
    cr_assert_eq(judged("team/anything/key", "{}"), RELEASE_BINDING);
    cr_assert_eq(judged("team/anything/key", "{\"x\":\"1\"}"), REASON_OK);
    cr_assert_eq(judged("team/anything/other", "{}"), REASON_OK);
    loads("[binding all]\npath = */*/*\nclaim = /x 1\n");
    cr_assert_eq(judged("any/where/at-all", "{}"), RELEASE_BINDING);
}

Test(binding, numbers_and_truth_are_compared_as_their_json_text)
{
    loads("[binding n]\npath = a/b/c\nclaim = /svn 3\nclaim = /debug false\n");
    cr_assert_eq(judged("a/b/c", "{\"svn\":3,\"debug\":false}"), REASON_OK);
    cr_assert_eq(judged("a/b/c", "{\"svn\":\"3\",\"debug\":false}"), REASON_OK);
    cr_assert_eq(judged("a/b/c", "{\"svn\":3.0,\"debug\":false}"), RELEASE_BINDING);
    cr_assert_eq(judged("a/b/c", "{\"svn\":30,\"debug\":false}"), RELEASE_BINDING);
    cr_assert_eq(judged("a/b/c", "{\"svn\":3,\"debug\":true}"), RELEASE_BINDING);
    cr_assert_eq(judged("a/b/c", "{\"svn\":[3],\"debug\":false}"), RELEASE_BINDING);
}

Test(binding, a_value_may_hold_spaces)
{
    loads("[binding n]\npath = a/b/c\nclaim = /name   two words\n");
    cr_assert_eq(judged("a/b/c", "{\"name\":\"two words\"}"), REASON_OK);
    cr_assert_eq(judged("a/b/c", "{\"name\":\"two\"}"), RELEASE_BINDING);
}

Test(binding, init_data_that_was_not_checked_meets_no_binding)
{
    loads("[binding n]\npath = a/b/c\nclaim = /init_data_claims/workload payroll\n");
    cr_assert_eq(judged("a/b/c", "{\"init_data_claims\":{\"workload\":\"payroll\"}}"), REASON_OK);
    cr_assert_eq(
        judged("a/b/c", "{\"init_data_claims\":{\"workload\":\"payroll\"},\"trustee\":{\"init_data_checked\":true}}"),
        REASON_OK);
    cr_assert_eq(
        judged("a/b/c", "{\"init_data_claims\":{\"workload\":\"payroll\"},\"trustee\":{\"init_data_checked\":false}}"),
        RELEASE_BINDING);
    cr_assert(slice_equal(record.checks->actual, S("not vouched for")));
}

Test(binding, a_pattern_that_could_bind_nothing_is_refused_where_it_stands)
{
    refuses("[binding b]\nclaim = /x 1\npath = default/key\n", "t.ini:3:8: a path is");
    refuses("[binding b]\npath = /default/b/key\n", "t.ini:2:8: a path is");
    refuses("[binding b]\npath = default/b/key/\n", "t.ini:2:8: a path is");
    refuses("[binding b]\npath = default/**\n", "t.ini:2:8: a path is");
    refuses("[binding b]\npath = default/b/k*\n", "t.ini:2:8: a path is");
    refuses("[binding b]\npath = default//key\n", "t.ini:2:8: a path is");
    refuses("[binding b]\npath = kbs/../key\n", "t.ini:2:8: a path is");
}

Test(binding, a_malformed_claim_is_refused_where_it_stands)
{
    refuses("[binding b]\npath = a/b/c\nclaim = /x\n", "t.ini:3:9: a claim is");
    refuses("[binding b]\npath = a/b/c\nclaim = x 1\n", "t.ini:3:9: a claim is");
    refuses("[binding b]\npath = a/b/c\nclaim = / 1\n", "t.ini:3:9: a claim is");
}

Test(binding, an_unknown_key_is_refused_where_it_stands)
{
    refuses("[binding b]\npath = a/b/c\n claims = /x 1\n", "t.ini:3:2: unknown key 'claims'");
}

Test(binding, a_binding_without_name_path_or_claim_is_refused)
{
    refuses("[binding b]\npath = a/b/c\n", "t.ini:1:");
    cr_assert(strstr(error, "at least one path and one claim"));
    refuses("[binding b]\nclaim = /x 1\n", "t.ini:1:");
    refuses("[binding]\npath = a/b/c\nclaim = /x 1\n", "t.ini:1:");
    cr_assert(strstr(error, "name"));
}
