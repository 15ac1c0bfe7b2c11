/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told of an event log, and what is not; details of single events are in eventlog_details_test.c. Letters in
 * comments are the rows of the list of bad inputs that a test is for.
 */
#include "tests/unit/eventlog_fixture.h"

#include <time.h>

TestSuite(eventlog_claims, .init = begin, .fini = end, .timeout = 300);

/* --- the form --- */

/* The digest is Python's hashlib's. */
Test(eventlog_claims, an_event_has_the_members_that_policies_know)
{
    forge_plain(&l, 2, EFI_ACTION, S("abc"));
    reads();
    is("/log", "[{\"details\":{\"string\":\"abc\"},\"digest_matches_event\":true,\"digests\":[{\"alg\":\"SHA-384\","
               "\"digest\":\"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
               "8086072ba1e7cc2358baeca134c825a7\"}],\"event\":\"YWJj\",\"index\":2,\"type_name\":\"EV_EFI_ACTION\"}]");
}

Test(eventlog_claims, a_log_without_events_is_an_empty_array)
{
    reads();
    is("/log", "[]");
}

Test(eventlog_claims, algorithms_have_the_names_of_the_claims)
{
    static const struct {
        uint16_t id;
        const char *name;
    } names[] = {{TPM_ALG_SHA1, "\"SHA-1\""},
                 {TPM_ALG_SHA256, "\"SHA-256\""},
                 {TPM_ALG_SHA512, "\"SHA-512\""},
                 {TPM_ALG_SM3_256, "\"SM3\""}};
    for (size_t i = 0; i < 4; i++) {
        forge_log_end(&l);
        forge_log_begin(&l, &names[i].id, 1);
        forge_plain(&l, 1, EFI_ACTION, S("abc"));
        cr_assert(claims_of(forge_log_bytes(&l), names[i].id, RTMRS) == REASON_OK);
        is("/log/0/digests/0/alg", names[i].name);
        is("/log/0/digest_matches_event", "true");
    }
}

Test(eventlog_claims, every_type_that_tcg_has_defined_has_its_name)
{
    static const struct {
        uint32_t type;
        const char *name;
    } types[] = {
        {1, "EV_POST_CODE"},
        {2, "EV_UNUSED"},
        {3, "EV_NO_ACTION"},
        {4, "EV_SEPARATOR"},
        {5, "EV_ACTION"},
        {7, "EV_S_CRTM_CONTENTS"},
        {8, "EV_S_CRTM_VERSION"},
        {9, "EV_CPU_MICROCODE"},
        {10, "EV_PLATFORM_CONFIG_FLAGS"},
        {11, "EV_TABLE_OF_DEVICES"},
        {12, "EV_COMPACT_HASH"},
        {14, "EV_IPL_PARTITION_DATA"},
        {15, "EV_NONHOST_CODE"},
        {16, "EV_NONHOST_CONFIG"},
        {17, "EV_NONHOST_INFO"},
        {18, "EV_OMIT_BOOT_DEVICE_EVENTS"},
        {0x80000000, "EV_EFI_EVENT_BASE"},
        {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
        {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
        {0x80000006, "EV_EFI_GPT_EVENT"},
        {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
        {0x80000009, "EV_EFI_HANDOFF_TABLES"},
        {0x80000010, "EV_EFI_HCRTM_EVENT"},
        {0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
        {0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char quoted[64];
        again();
        forge_plain(&l, 1, types[i].type, S("\1\2\3"));
        reads();
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", types[i].name);
        is("/log/0/type_name", quoted);
    }
}

Test(eventlog_claims, a_type_that_nobody_has_defined_is_refused)
{
    const uint32_t types[] = {0x13, 0x7fffffff, 0x8000000d, 0x800000df, 0xffffffff};
    for (size_t i = 0; i < 5; i++) {
        again();
        forge_plain(&l, 1, types[i], S("abc"));
        refuses(EVENTLOG_TYPE);
    }
}

/* --- what the proof does not reach --- */

Test(eventlog_claims, an_event_of_a_register_that_is_not_proved_is_left_out)
{
    forge_plain(&l, 0, EFI_ACTION, S("of the launch measurement"));
    forge_plain(&l, 5, EFI_ACTION, S("of no register of a TD"));
    forge_plain(&l, 24, EFI_ACTION, S("of no register at all"));
    forge_plain(&l, 33, EFI_ACTION, S("of register 1, modulo 32"));
    reads();
    cr_expect(count() == 0);
    forge_plain(&l, 1, EFI_ACTION, S("proved"));
    tells("{\"string\":\"proved\"}");
    cr_expect(count() == 1);
    cr_expect(claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, 0) == REASON_OK && count() == 0);
}

Test(eventlog_claims, a_digest_that_the_registers_do_not_prove_is_left_out)
{
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA256, TPM_ALG_SHA384}, 2);
    forge_plain(&l, 1, EFI_ACTION, S("abc"));
    reads();
    is("/log/0/digests/0/alg", "\"SHA-384\"");
    is("/log/0/digests/1", "(none)");
}

Test(eventlog_claims, an_event_without_a_digest_of_the_algorithm_is_left_out)
{
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA256, TPM_ALG_SHA384}, 2);
    forge_number(&l, 1, 4);
    forge_number(&l, EFI_ACTION, 4);
    forge_number(&l, 0, 4);
    forge_number(&l, 3, 4);
    forge_bytes(&l, S("abc"));
    reads();
    cr_expect(count() == 0);
}

Test(eventlog_claims, an_event_for_information_is_no_measurement)
{
    static const uint8_t ZEROS[48];
    forge_plain(&l, 0, EV_NO_ACTION, S("SP800-155 Event3 and so on"));
    forge_plain(&l, 2, EV_NO_ACTION, S("with the digest of a kernel"));
    reads();
    is("/log/0/digests", "[]");
    is("/log/0/digest_matches_event", "false");
    is("/log/1/digests", "[]");
    is("/log/1/digest_matches_event", "false");
    memcpy(l.bytes + l.last + 14, ZEROS, 48);
    reads();
    is("/log/1/digests/0/digest", "\"000000000000000000000000000000000000000000000000"
                                  "000000000000000000000000000000000000000000000000\"");
    is("/log/1/details", NOTHING);
}

Test(eventlog_claims, an_algorithm_that_nobody_knows_is_refused)
{
    cr_expect(claims_of(forge_log_bytes(&l), 0, RTMRS) == EVENTLOG_ALGORITHM);
}

/* --- who wrote it --- */

/* L03 */
Test(eventlog_claims, a_separator_under_another_type_spoils_its_register)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "PK", S(""), false);
    forge_plain(&l, 1, EV_SEPARATOR, S("\0\0\0\0"));
    l.bytes[l.last + 4] = EV_IPL;
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "db", S("\1"), false);
    forge_plain(&l, 2, EFI_ACTION, S("of another register"));
    reads();
    is("/log/0/details/unicode_name", "\"PK\"");
    is("/log/1/details", NOTHING);
    is("/log/2/details", NOTHING);
    is("/log/3/details", NOTHING);
    is("/log/4/details/string", "\"of another register\"");
    is("/log/2/digest_matches_event", "true");
}

/* L03 */
Test(eventlog_claims, something_else_under_the_type_of_a_separator_spoils_its_register)
{
    const slice strange[] = {S("\0\0\0\1"), S("\0\0\0"), S("\0\0\0\0\0"), S(""), S("SecureBoot")};
    for (size_t i = 0; i < 5; i++) {
        again();
        forge_plain(&l, 1, EV_SEPARATOR, strange[i]);
        forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
        tells(NOTHING);
    }
    again();
    forge_event(&l, 1, EV_SEPARATOR, S("an image"), S("\0\0\0\0"));
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "db", S("\1"), false);
    tells(NOTHING);
}

Test(eventlog_claims, both_values_of_a_separator_are_separators)
{
    forge_plain(&l, 1, EV_SEPARATOR, S("\0\0\0\0"));
    forge_plain(&l, 1, EV_SEPARATOR, S("\xff\xff\xff\xff"));
    tells(NOTHING);
    forge_variable(&l, 1, VARIABLE_AUTHORITY, "SecureBoot", S("\1"), false);
    tells(SECURE_BOOT("AQ==", "1"));
}

/* The firmware measures its secure boot variables before the separator; a guest can do so later. */
Test(eventlog_claims, a_variable_of_secure_boot_behind_a_separator_is_not_told)
{
    forge_plain(&l, 1, EV_SEPARATOR, S("\0\0\0\0"));
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    tells(NOTHING);
    forge_variable(&l, 1, VARIABLE_BOOT, "BootOrder", S("\0\0"), true);
    reads();
    is("/log/2/details/unicode_name", "\"BootOrder\"");
}

Test(eventlog_claims, what_firmware_does_is_not_told_behind_the_end_of_its_services)
{
    forge_plain(&l, 2, EFI_ACTION, S("Exit Boot Services Invocation"));
    forge_application(&l, 2, "kernel", S("kernel"));
    tells(NOTHING);
    forge_variable(&l, 2, VARIABLE_BOOT2, "SecureBoot", S("\1"), false);
    tells(NOTHING);
    forge_event(&l, 2, EV_PLATFORM_CONFIG_FLAGS, S("table"), S("ACPI DATA"));
    tells(NOTHING);
    forge_event(&l, 2, FIRMWARE_BLOB2, S("firmware"), S("\2Fv"));
    tells(NOTHING);
    forge_event(&l, 2, EV_POST_CODE, S("code"), S("code"));
    tells(NOTHING);
    forge_plain(&l, 2, EFI_ACTION, S("Exit Boot Services Returned with Success"));
    tells("{\"string\":\"Exit Boot Services Returned with Success\"}");
    forge_agent_line(&l, 2, "a b c");
    reads();
    is("/log/7/details/unicode_name", "\"AAEL\"");
    forge_application(&l, 3, "kernel", S("kernel"));
    tells("{\"device_paths\":[\"File(kernel)\"]}");
}

/* L03 */
Test(eventlog_claims, the_end_of_the_boot_services_is_known_by_its_digest)
{
    forge_event(&l, 2, EV_IPL, S("Exit Boot Services Invocation"), S("MokList\0"));
    forge_application(&l, 2, "kernel", S("kernel"));
    tells(NOTHING);
}

static const struct forge_boot BOOT = {
    TRUSTEE_TEXT("firmware"), TRUSTEE_TEXT("kernel"), TRUSTEE_TEXT("console=hvc0"), TRUSTEE_TEXT("initrd"), true,
};

Test(eventlog_claims, a_whole_boot_is_told)
{
    forge_guest(&l, &BOOT);
    reads();
    cr_expect(count() == 13);
    is("/log/0/details/string", "\"Fv(00000000-0000-0000-0000-000000000000)\"");
    is("/log/1/details/unicode_name", "\"SecureBoot\"");
    is("/log/5/details/unicode_name", "\"BootOrder\"");
    is("/log/8/details/device_paths", "[\"File(kernel)\"]");
    is("/log/9/details/string", "\"LOADED_IMAGE::LoadOptions\"");
}

/* L03, L04: whatever one flips of types and data, nothing is told that was not told before, save of labels */
Test(eventlog_claims, a_flipped_bit_of_covered_data_is_never_told)
{
    forge_variable(&l, 1, DRIVER_CONFIG, "SecureBoot", S("\1"), false);
    forge_plain(&l, 1, EFI_ACTION, S("abc"));
    forge_agent_line(&l, 1, "a b c");
    size_t events[] = {0, 0, 0}, sizes[] = {53, 3, 13}, at = l.size;
    for (size_t i = 3; i-- > 0; at -= sizes[i] + 66)
        events[i] = at - sizes[i];
    for (size_t i = 0; i < 3; i++) {
        for (size_t bit = 0; bit < 8 * sizes[i]; bit++) {
            char pointer[32];
            l.bytes[events[i] + bit / 8] ^= (uint8_t)(1 << bit % 8);
            (void)snprintf(pointer, sizeof pointer, "/log/%zu/details", i);
            enum reason r = claims_of(forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS);
            /* A tag under another id is a label. */
            bool label = i == 2 && bit < 32;
            cr_expect(r == EVENTLOG_DATA || label || strcmp(claim(pointer), NOTHING) == 0, "%zu.%zu", i, bit);
            l.bytes[events[i] + bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

/* --- limits --- */

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* L11 */
Test(eventlog_claims, a_hundred_thousand_events_take_linear_time)
{
#if defined(__SANITIZE_ADDRESS__)
    cr_skip_test("times mean nothing under a sanitiser");
#endif
    double best[2] = {1e9, 1e9};
    forge_log_end(&l);
    forge_log_begin(&l, (const uint16_t[]){TPM_ALG_SHA1}, 1);
    for (size_t n = 0; n < 2; n++) {
        for (size_t i = n * 10000; i < 10000 + n * 90000; i++)
            forge_plain(&l, 1 + (uint32_t)(i & 3), EFI_ACTION, S("abc"));
        for (int i = 0; i < 3; i++) {
            double start = milliseconds();
            cr_assert(claims_of(forge_log_bytes(&l), TPM_ALG_SHA1, RTMRS) == REASON_OK);
            double taken = milliseconds() - start;
            best[n] = taken < best[n] ? taken : best[n];
        }
    }
    cr_expect(count() == 100000);
    fprintf(stderr, "eventlog: claims of 10^4 events in %.1f ms, of 10^5 in %.1f ms\n", best[0], best[1]);
    cr_expect(best[1] < 30 * best[0] + 10);
}

Test(eventlog_claims, a_full_arena_is_said)
{
    struct eventlog_proof proof = {0};
    forge_guest(&l, &BOOT);
    proof = (struct eventlog_proof){forge_log_bytes(&l), TPM_ALG_SHA384, RTMRS};
    for (size_t room = 64; room < 40000; room += 512) {
        struct trustee_writer w;
        tree out;
        fake_request(&host);
        host.arena.size = room;
        result r = claims_begin(&w, &host.arena, 65536);
        if (!FAILED(r))
            r = eventlog_claims(&host.table, fake_handle(&host), &w, S("log"), &proof);
        if (!FAILED(r))
            r = claims_end(&w, &out);
        host.arena.size = ARENA_SIZE;
        cr_expect(r.reason == NO_MEMORY, "%zu: %s", room, reason_id((enum reason)r.reason));
    }
}

Test(eventlog_claims, what_is_no_log_is_refused)
{
    cr_expect(claims_of(S(""), TPM_ALG_SHA384, RTMRS) == EVENTLOG_HEADER);
    forge_plain(&l, 1, EFI_ACTION, S("abc"));
    l.size--;
    refuses(EVENTLOG_TRUNCATED);
}

/* --- recorded logs --- */

static slice read_vector(const char *name)
{
    static uint8_t room[4u << 20];
    static size_t used;
    char path[1024];
    const char *folder = getenv("TRUSTEE_VECTORS");
    (void)snprintf(path, sizeof path, "%s/eventlog/%s", folder ? folder : "../shared/vectors", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NO_SLICE;
    slice bytes = slice_of(room + used, fread(room + used, 1, sizeof room - used, file));
    used += bytes.len;
    fclose(file);
    return bytes;
}

static tree expected_claims(slice text)
{
    struct trustee_writer w;
    const json *v;
    tree out;
    cr_assert(!FAILED(json_parse(&host.arena, text, &v)));
    cr_assert(!FAILED(claims_begin(&w, &host.arena, 1u << 20)));
    claims_json(&w, S("log"), json_get(v, S("uefi_event_logs")));
    cr_assert(!FAILED(claims_end(&w, &out)));
    return out;
}

static void claims_equal(const char *name, uint16_t algorithm)
{
    char out_name[64];
    (void)snprintf(out_name, sizeof out_name, "%s_out.json", name);
    slice log = read_vector(name), out = read_vector(out_name);
    if (!log.ptr || !out.ptr)
        cr_skip_test("no recorded logs: set TRUSTEE_VECTORS");
    cr_assert(claims_of(log, algorithm, RTMRS) == REASON_OK);
    tree expected = expected_claims(out);
    size_t n = (size_t)tree_at(expected, S("/log"))->integer;
    cr_expect(count() == n);
    for (size_t i = 0; i < n; i++) {
        char at[32];
        (void)snprintf(at, sizeof at, "/log/%zu", i);
        slice pointer = slice_text(at);
        cr_expect(tree_equal(claims, tree_at(claims, pointer), expected, tree_at(expected, pointer)), "%s%s: %s", name,
                  at, claim(at));
    }
}

Test(eventlog_claims, recorded_logs_have_upstreams_claims)
{
    claims_equal("CCEL_data", TPM_ALG_SHA384);
    claims_equal("CCEL_data_ovmf", TPM_ALG_SHA384);
    claims_equal("CCEL_data_grub", TPM_ALG_SHA384);
    claims_equal("CCEL_AAEL_alibabacloud", TPM_ALG_SHA384);
    claims_equal("CCEL_data_csv", TPM_ALG_SM3_256);
}

Test(eventlog_claims, a_recorded_log_without_recorded_claims_is_read)
{
    slice log = read_vector("CCEL_data_gcp");
    if (!log.ptr)
        cr_skip_test("no recorded logs: set TRUSTEE_VECTORS");
    cr_assert(claims_of(log, TPM_ALG_SHA384, RTMRS) == REASON_OK);
    cr_expect(count() == 21);
}
