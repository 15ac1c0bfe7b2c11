/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder stands in for configfs-tsm. The kernel fills a report folder as it is made: mkdirat() and unlinkat() of this
 * program do the same. `outblob` is a FIFO, so that the stand-in sees what was written to `inblob` before it answers.
 */
#include "guest/attester/attester.h"
#include "guest/attester/snp_report.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/attester/ccel.h"
#include "lib/json/json.h"

static struct arena arena;
static struct failure why;
static char root[] = "/tmp/agent-tsm-XXXXXX";

/* What the stand-in does. */
static struct {
    const char *provider, *generation_before, *generation_after;
    slice blob, auxiliary;
    size_t report_data_at; /* where report data lies in the blob */
    bool other_report_data;
    uint8_t inblob[64];
    ssize_t inblob_size;
    int made, removed;
    char entry[256];
    pthread_t thread;
} kernel;

static void write_at(int folder, const char *name, const void *bytes, size_t size)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static void *answer_outblob(void *unused)
{
    (void)unused;
    char path[300];
    (void)snprintf(path, sizeof path, "%s/outblob", kernel.entry);
    int fd = open(path, O_WRONLY), folder = open(kernel.entry, O_DIRECTORY | O_RDONLY);
    int in = openat(folder, "inblob", O_RDONLY);
    kernel.inblob_size = read(in, kernel.inblob, sizeof kernel.inblob);
    close(in);
    uint8_t *blob = malloc(kernel.blob.len + 1);
    memcpy(blob, kernel.blob.ptr, kernel.blob.len);
    if (kernel.blob.len >= kernel.report_data_at + 64)
        memcpy(blob + kernel.report_data_at, kernel.inblob, 64);
    if (kernel.other_report_data)
        blob[kernel.report_data_at] ^= 1;
    write_at(folder, "generation", kernel.generation_after, strlen(kernel.generation_after));
    (void)!write(fd, blob, kernel.blob.len);
    free(blob);
    close(folder);
    close(fd);
    return NULL;
}

int mkdirat(int parent, const char *name, mode_t mode)
{
    if (syscall(SYS_mkdirat, parent, name, mode) != 0)
        return -1;
    (void)snprintf(kernel.entry, sizeof kernel.entry, "%s/%s", root, name);
    int folder = openat(parent, name, O_DIRECTORY | O_RDONLY);
    kernel.made++;
    write_at(folder, "provider", kernel.provider, strlen(kernel.provider));
    write_at(folder, "generation", kernel.generation_before, strlen(kernel.generation_before));
    write_at(folder, "inblob", "", 0);
    if (kernel.auxiliary.ptr)
        write_at(folder, "auxblob", kernel.auxiliary.ptr, kernel.auxiliary.len);
    cr_assert_eq(mkfifoat(folder, "outblob", 0600), 0);
    close(folder);
    cr_assert_eq(pthread_create(&kernel.thread, NULL, answer_outblob, NULL), 0);
    return 0;
}

int unlinkat(int parent, const char *name, int flags)
{
    static const char *const attributes[] = {"provider", "generation", "inblob", "auxblob", "outblob"};
    int folder = openat(parent, name, O_DIRECTORY | O_RDONLY);
    /* Lets the other end go where nobody has read the blob. */
    int outblob = openat(folder, "outblob", O_RDONLY | O_NONBLOCK);
    pthread_join(kernel.thread, NULL);
    close(outblob);
    for (size_t i = 0; folder >= 0 && i < sizeof attributes / sizeof *attributes; i++)
        syscall(SYS_unlinkat, folder, attributes[i], 0);
    close(folder);
    kernel.removed++;
    return (int)syscall(SYS_unlinkat, parent, name, flags);
}

static void setup(void)
{
    cr_assert(!FAILED(arena_map(&arena, (size_t)16 << 20, ARENA_PLAIN)));
    cr_assert_not_null(mkdtemp(root));
    memset(&kernel, 0, sizeof kernel);
    kernel.generation_before = "0\n";
    kernel.generation_after = "1\n";
}

/* Nothing may be left behind, whatever happened. */
static void teardown(void)
{
    cr_assert_eq(kernel.made, kernel.removed);
    cr_assert_eq(rmdir(root), 0);
    arena_unmap(&arena);
}

TestSuite(tsm, .init = setup, .fini = teardown);

static const char *ccel_path = "/nonexistent";

static result gather(const struct attester *t, slice report_data, slice init_data, slice *out)
{
    struct attester_options options = {.tsm_path = root, .ccel_path = ccel_path};
    struct attester_query q = {.options = &options, .report_data = report_data, .init_data_digest = init_data};
    return attester_gather(t, &q, &arena, out, &why);
}

static void refuses(const struct attester *t, slice report_data, slice init_data, const char *words)
{
    slice out;
    cr_assert_eq(gather(t, report_data, init_data, &out).reason, AGENT_EVIDENCE);
    cr_assert(strstr(why.text, words), "%s", why.text);
}

static uint8_t snp_blob[SNP_REPORT_SIZE], td_quote[48 + 584 + 100];

static void snp_kernel(void)
{
    snp_blob[0] = 3;
    snp_blob[0x188] = 0x19;
    kernel.provider = "sev_guest\n";
    kernel.blob = slice_of(snp_blob, sizeof snp_blob);
    kernel.report_data_at = 0x50;
}

static void tdx_kernel(void)
{
    td_quote[0] = 4;
    kernel.provider = "tdx_guest\n";
    kernel.blob = slice_of(td_quote, sizeof td_quote);
    kernel.report_data_at = 48 + 520;
}

static slice quote_of(slice evidence)
{
    const json *document;
    cr_assert(!FAILED(json_parse(&arena, evidence, &document)));
    slice text = json_text(json_get(document, S("quote")));
    uint8_t *room = arena_alloc(&arena, BASE64_DECODED_MAX(text.len), 1);
    size_t length;
    cr_assert(base64_decode(room, BASE64_DECODED_MAX(text.len), text, &length));
    return slice_of(room, length);
}

Test(tsm, a_td_quote_holds_the_report_data_padded_with_zeros)
{
    slice out;
    tdx_kernel();
    cr_assert(!FAILED(gather(&attester_tdx, S("report data"), NO_SLICE, &out)), "%s", why.text);
    slice quote = quote_of(out);
    cr_assert_eq(quote.len, sizeof td_quote);
    cr_assert_eq(kernel.inblob_size, 64);
    cr_assert(slice_equal(slice_sub(quote, 48 + 520, 64), slice_of(kernel.inblob, 64)));
    cr_assert(slice_starts(slice_of(kernel.inblob, 64), S("report data\0\0")));
    cr_assert(slice_starts(out, S("{\"cc_eventlog\":null,\"quote\":\"")));
}

Test(tsm, a_quote_of_version_5_has_six_bytes_more_before_its_body)
{
    slice out;
    tdx_kernel();
    td_quote[0] = 5;
    kernel.report_data_at += 6;
    cr_assert(!FAILED(gather(&attester_tdx, S("x"), NO_SLICE, &out)), "%s", why.text);
}

Test(tsm, a_quote_of_another_version_or_too_short_is_refused)
{
    tdx_kernel();
    td_quote[0] = 3;
    refuses(&attester_tdx, S("x"), NO_SLICE, "no TD quote");
    td_quote[0] = 4;
    kernel.blob.len = 48 + 583;
    refuses(&attester_tdx, S("x"), NO_SLICE, "no TD quote");
    kernel.blob.len = 0;
    refuses(&attester_tdx, S("x"), NO_SLICE, "no TD quote");
}

Test(tsm, the_event_log_is_sent_up_to_its_end_mark)
{
    /* EV_NO_ACTION with 2 bytes of data, one event with a SHA-384 digest, end mark, rest of the area */
    uint8_t area[4096], log[4 + 4 + 20 + 4 + 2 + 4 + 4 + 4 + 2 + 48 + 4 + 1] = {1, 0, 0, 0, 3};
    char name[] = "/tmp/agent-ccel-XXXXXX";
    slice out;
    log[28] = 2;
    log[34] = 1;
    log[38] = 0x0d;
    log[42] = 1;
    log[46] = 0x0c;
    log[96] = 1;
    memset(area, 0xff, sizeof area);
    memcpy(area, log, sizeof log);
    int fd = mkstemp(name);
    cr_assert_eq(write(fd, area, sizeof area), (ssize_t)sizeof area);
    close(fd);
    cr_assert(slice_equal(ccel_trim(slice_of(area, sizeof area)), slice_of(log, sizeof log)));
    tdx_kernel();
    ccel_path = name;
    cr_assert(!FAILED(gather(&attester_tdx, S("x"), NO_SLICE, &out)), "%s", why.text);
    ccel_path = "/nonexistent";
    unlink(name);
    struct text t = text_begin(&arena);
    text_lit(&t, "{\"cc_eventlog\":\"");
    text_base64(&t, slice_of(area, sizeof log + 8));
    text_lit(&t, "\",");
    cr_assert(slice_starts(out, text_end(&t)), "%.*s", SLICE_ARG(out));
}

Test(tsm, an_event_log_without_end_is_left_out)
{
    uint8_t area[64] = {1};
    cr_assert_null(ccel_trim(slice_of(area, 20)).ptr);
    cr_assert_null(ccel_trim(slice_of(area, 32)).ptr);
    memset(area + 32, 1, 32);
    cr_assert_null(ccel_trim(slice_of(area, 64)).ptr);
    cr_assert_null(ccel_trim(NO_SLICE).ptr);
}

Test(tsm, an_snp_report_comes_with_its_certificates)
{
    static uint8_t table[] = "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"
                             "\x30\0\0\0\2\0\0\0"
                             "\0\0\0\0\0\0\0\0"
                             "\0\0\0\0\0\0\0\0"
                             "\0\0\0\0\0\0\0\0"
                             "ab";
    slice out;
    snp_kernel();
    kernel.auxiliary = slice_of(table, sizeof table - 1);
    cr_assert(!FAILED(gather(&attester_snp, S("x"), NO_SLICE, &out)), "%s", why.text);
    cr_assert(slice_ends(out, S(",\"cert_chain\":[{\"cert_type\":\"VCEK\",\"data\":[97,98]}]}")));
}

Test(tsm, an_snp_report_without_certificates_is_evidence_too)
{
    slice out;
    snp_kernel();
    cr_assert(!FAILED(gather(&attester_snp, S("x"), NO_SLICE, &out)), "%s", why.text);
    cr_assert(slice_ends(out, S(",\"cert_chain\":null}")));
}

Test(tsm, an_snp_report_of_another_size_is_refused)
{
    snp_kernel();
    kernel.blob.len--;
    refuses(&attester_snp, S("x"), NO_SLICE, "1183 bytes");
}

Test(tsm, another_provider_is_refused)
{
    tdx_kernel();
    refuses(&attester_snp, S("x"), NO_SLICE, "the provider is \"tdx_guest\"");
    snp_kernel();
    refuses(&attester_tdx, S("x"), NO_SLICE, "the provider is \"sev_guest\"");
    kernel.provider = "";
    refuses(&attester_tdx, S("x"), NO_SLICE, "the provider is \"\"");
}

Test(tsm, a_request_of_somebody_else_in_between_is_noticed)
{
    tdx_kernel();
    kernel.generation_after = "2\n";
    refuses(&attester_tdx, S("x"), NO_SLICE, "another request came between");
    kernel.generation_after = "0\n";
    refuses(&attester_tdx, S("x"), NO_SLICE, "another request came between");
    kernel.generation_after = "one\n";
    refuses(&attester_tdx, S("x"), NO_SLICE, "generation is not a number");
}

Test(tsm, a_report_with_other_report_data_is_refused)
{
    tdx_kernel();
    kernel.other_report_data = true;
    refuses(&attester_tdx, S("x"), NO_SLICE, "does not hold the report data");
    snp_kernel();
    refuses(&attester_snp, S("x"), NO_SLICE, "does not hold the report data");
}

Test(tsm, init_data_must_be_what_the_guest_was_launched_with)
{
    uint8_t digest[48];
    slice out;
    memset(digest, 7, sizeof digest);
    tdx_kernel();
    refuses(&attester_tdx, S("x"), slice_of(digest, 48), "MRCONFIGID");
    memset(td_quote + 48 + 184, 7, 48);
    cr_assert(!FAILED(gather(&attester_tdx, S("x"), slice_of(digest, 48), &out)), "%s", why.text);
    refuses(&attester_tdx, S("x"), slice_of(digest, 32), "MRCONFIGID");
    snp_kernel();
    refuses(&attester_snp, S("x"), slice_of(digest, 32), "HOST_DATA");
    memset(snp_blob + 0xc0, 7, 32);
    cr_assert(!FAILED(gather(&attester_snp, S("x"), slice_of(digest, 32), &out)), "%s", why.text);
    cr_assert(!FAILED(gather(&attester_snp, S("x"), slice_of(digest, 48), &out)), "%s", why.text);
}

Test(tsm, report_data_longer_than_the_field_is_refused)
{
    uint8_t data[65] = {0};
    slice out;
    tdx_kernel();
    cr_assert_eq(gather(&attester_tdx, slice_of(data, 65), NO_SLICE, &out).reason, AGENT_REQUEST);
    cr_assert(!FAILED(gather(&attester_tdx, slice_of(data, 64), NO_SLICE, &out)), "%s", why.text);
}

Test(tsm, a_folder_that_is_not_there_is_said_so)
{
    struct attester_options options = {.tsm_path = "/nonexistent/tsm"};
    struct attester_query q = {.options = &options, .report_data = S("x")};
    slice out;
    cr_assert_eq(attester_gather(&attester_tdx, &q, &arena, &out, &why).reason, AGENT_EVIDENCE);
    cr_assert(strstr(why.text, "/nonexistent/tsm"), "%s", why.text);
}

static const struct attester *detected(const char *tcti)
{
    struct attester_options options = {.tsm_path = root, .tcti = tcti};
    const struct attester *t;
    return FAILED(attester_find(S("auto"), &options, &t, &why)) ? NULL : t;
}

Test(detection, the_provider_decides, .init = setup, .fini = teardown)
{
    tdx_kernel();
    cr_assert_eq(detected("swtpm"), &attester_tdx);
    snp_kernel();
    cr_assert_eq(detected("swtpm"), &attester_snp);
    kernel.provider = "arm_cca_guest\n";
    cr_assert_eq(detected("swtpm"), &attester_tpm);
}

Test(detection, sample_is_never_chosen_unasked)
{
    struct attester_options options = {.tsm_path = "/nonexistent"};
    const struct attester *t;
    if (attester_tpm.present(&options))
        cr_skip("this machine has a TPM");
    cr_assert_eq(attester_find(S("auto"), &options, &t, &why).reason, AGENT_EVIDENCE);
    cr_assert_null(t);
    cr_assert(!FAILED(attester_find(S("sample"), &options, &t, &why)));
    cr_assert_eq(t, &attester_sample);
    cr_assert_eq(attester_find(S("sgx"), &options, &t, &why).reason, AGENT_CONFIG);
}
