/* SPDX-License-Identifier: Apache-2.0
 *
 * TDX and SNP through the kernel's configfs-tsm (Documentation/ABI/testing/configfs-tsm): a folder is made for each
 * report; report data is written to `inblob`, the quote or report read from `outblob`. `generation` counts writes: had
 * somebody else written to the same folder meanwhile, the blob might answer them, and it is thrown away.
 */
#include "guest/attester/attester.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto/jose.h"
#include "guest/attester/ccel.h"
#include "guest/attester/snp_report.h"
#include "guest/file.h"

#define BLOB_MAX (256u * 1024) /* bytes: a quote is 5 KiB, a certificate table 16 KiB */
#define CCEL_MAX (1024u * 1024)
#define REPORT_DATA_SIZE 64
#define TD_REPORT_BODY_SIZE 584

struct tsm_entry {
    int parent, folder;
    char name[48];
    const char *provider;
    struct failure *why;
};

static result tsm_fail(const struct tsm_entry *e, const char *what, int error)
{
    return failure_set(e->why, AGENT_EVIDENCE, "evidence", "configfs-tsm (%s): %s: %s", e->provider, what,
                       strerror(error));
}

static result tsm_read(const struct tsm_entry *e, const char *attribute, struct arena *a, slice *out)
{
    *out = NO_SLICE;
    int fd = openat(e->folder, attribute, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return tsm_fail(e, attribute, errno);
    result r = descriptor_read(fd, BLOB_MAX, a, out);
    int error = errno;
    close(fd);
    if (r.reason == IO)
        return tsm_fail(e, attribute, error);
    return r;
}

static result tsm_write(const struct tsm_entry *e, const char *attribute, slice value)
{
    int fd = openat(e->folder, attribute, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return tsm_fail(e, attribute, errno);
    /* One write: the kernel takes an attribute as a whole. */
    ssize_t n = write(fd, value.ptr, value.len);
    int error = n < 0 ? errno : EIO;
    close(fd);
    if (n != (ssize_t)value.len)
        return tsm_fail(e, attribute, error);
    return OK;
}

static result tsm_text(const struct tsm_entry *e, const char *attribute, struct arena *a, slice *out)
{
    TRY(tsm_read(e, attribute, a, out));
    if (out->len && out->ptr[out->len - 1] == '\n')
        out->len--;
    return OK;
}

static result tsm_generation(const struct tsm_entry *e, struct arena *a, uint64_t *out)
{
    slice text;
    TRY(tsm_text(e, "generation", a, &text));
    if (!slice_u64(text, out))
        return failure_set(e->why, AGENT_EVIDENCE, "evidence", "configfs-tsm (%s): generation is not a number",
                           e->provider);
    return OK;
}

static void tsm_close(struct tsm_entry *e)
{
    if (e->folder >= 0)
        close(e->folder);
    if (e->name[0])
        (void)unlinkat(e->parent, e->name, AT_REMOVEDIR);
    if (e->parent >= 0)
        close(e->parent);
}

static result tsm_open(struct tsm_entry *e, const char *path)
{
    uint64_t random;
    TRY(random_bytes(&random, sizeof random));
    e->parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->parent < 0)
        return tsm_fail(e, path, errno);
    (void)snprintf(e->name, sizeof e->name, "trustee-agent-%016llx", (unsigned long long)random);
    if (mkdirat(e->parent, e->name, 0700) != 0) {
        int error = errno;
        e->name[0] = 0;
        return tsm_fail(e, "making a report folder", error);
    }
    e->folder = openat(e->parent, e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (e->folder < 0)
        return tsm_fail(e, e->name, errno);
    return OK;
}

static result tsm_check_provider(const struct tsm_entry *e, struct arena *a)
{
    slice provider;
    TRY(tsm_text(e, "provider", a, &provider));
    if (!slice_equal(provider, slice_text(e->provider)))
        return failure_set(e->why, AGENT_EVIDENCE, "evidence", "configfs-tsm: the provider is \"%.*s\", not \"%s\"",
                           (int)(provider.len < 32 ? provider.len : 32), (const char *)provider.ptr, e->provider);
    return OK;
}

/* What one report request brings: outblob, and auxblob where `auxiliary` is given. */
static result tsm_exchange(const struct tsm_entry *e, slice report_data, struct arena *a, slice *blob, slice *auxiliary)
{
    uint64_t before, after;
    TRY(tsm_check_provider(e, a));
    TRY(tsm_generation(e, a, &before));
    TRY(tsm_write(e, "inblob", report_data));
    TRY(tsm_read(e, "outblob", a, blob));
    if (auxiliary && faccessat(e->folder, "auxblob", R_OK, 0) == 0)
        TRY(tsm_read(e, "auxblob", a, auxiliary));
    TRY(tsm_generation(e, a, &after));
    if (after != before + 1)
        return failure_set(e->why, AGENT_EVIDENCE, "evidence",
                           "configfs-tsm (%s): another request came between (generation %llu after %llu)", e->provider,
                           (unsigned long long)after, (unsigned long long)before);
    return OK;
}

static result tsm_report(const struct attester_query *q, struct tsm_entry *e, struct arena *a, slice *blob,
                         slice *auxiliary)
{
    uint8_t padded[REPORT_DATA_SIZE] = {0};
    ENSURE(q->report_data.len <= sizeof padded, AGENT_REQUEST);
    if (q->report_data.len)
        memcpy(padded, q->report_data.ptr, q->report_data.len);
    result r = tsm_open(e, q->options->tsm_path);
    if (!FAILED(r))
        r = tsm_exchange(e, slice_of(padded, sizeof padded), a, blob, auxiliary);
    tsm_close(e);
    return r;
}

static bool tsm_present(const struct attester_options *o, const char *provider)
{
    struct failure ignored = {0};
    struct tsm_entry e = {.parent = -1, .folder = -1, .provider = provider, .why = &ignored};
    struct arena a;
    if (FAILED(arena_map(&a, 4096, ARENA_PLAIN)))
        return false;
    result r = tsm_open(&e, o->tsm_path);
    if (!FAILED(r))
        r = tsm_check_provider(&e, &a);
    tsm_close(&e);
    arena_unmap(&a);
    return !FAILED(r);
}

/* `field`, as long as it is, holds `value` cut or padded with zeros to its length. */
static bool field_holds(slice field, slice value)
{
    for (size_t i = 0; i < field.len; i++)
        if (field.ptr[i] != (i < value.len ? value.ptr[i] : 0))
            return false;
    return field.len > 0;
}

static result check_fields(const struct attester_query *q, slice report_data, slice init_data, const char *init_name,
                           struct failure *why)
{
    if (!field_holds(report_data, q->report_data))
        return failure_set(why, AGENT_EVIDENCE, "evidence", "the report does not hold the report data asked for");
    if (q->init_data_digest.len && !field_holds(init_data, q->init_data_digest))
        return failure_set(why, AGENT_EVIDENCE, "evidence",
                           "the init-data is not the one that this guest was launched with (%s differs)", init_name);
    return OK;
}

/* --- TDX --------------------------------------------------------------------------------------------------------- */

/* The TD report body of a quote of version 4, or of version 5 with its type and size before it. */
static slice quote_body(slice quote)
{
    struct reader r = reader_of(quote);
    uint16_t version;
    slice skipped;
    if (!read_u16le(&r, &version) || !read_bytes(&r, 46, &skipped))
        return NO_SLICE;
    if (version == 5 && !read_bytes(&r, 6, &skipped))
        return NO_SLICE;
    return version == 4 || version == 5 ? slice_sub(r.left, 0, TD_REPORT_BODY_SIZE) : NO_SLICE;
}

/* An event log that is missing, unreadable or has no end is left out: the quote stands without it. */
static slice event_log(const char *path, struct arena *a)
{
    slice area = NO_SLICE;
    result r = file_read(path, CCEL_MAX, a, &area);
    slice log = FAILED(r) ? NO_SLICE : ccel_trim(area);
    if (!log.ptr)
        return NO_SLICE;
    struct text t = text_begin(a);
    text_add(&t, log);
    text_lit(&t, "\xff\xff\xff\xff\xff\xff\xff\xff"); /* the mark that ends it */
    return text_end(&t);
}

static result tdx_gather(const struct attester_query *q, struct arena *a, slice *evidence, struct failure *why)
{
    struct tsm_entry e = {.parent = -1, .folder = -1, .provider = "tdx_guest", .why = why};
    slice quote;
    TRY(tsm_report(q, &e, a, &quote, NULL));
    slice body = quote_body(quote);
    if (body.len != TD_REPORT_BODY_SIZE)
        return failure_set(why, AGENT_EVIDENCE, "evidence", "configfs-tsm (tdx_guest): outblob is no TD quote");
    TRY(check_fields(q, slice_sub(body, 520, 64), slice_sub(body, 184, 48), "MRCONFIGID", why));
    slice log = event_log(q->options->ccel_path, a);
    struct text t = text_begin(a);
    text_lit(&t, "{\"cc_eventlog\":");
    if (log.ptr) {
        text_lit(&t, "\"");
        text_base64(&t, log);
        text_lit(&t, "\"");
    } else {
        text_lit(&t, "null");
    }
    text_lit(&t, ",\"quote\":\"");
    text_base64(&t, quote);
    text_lit(&t, "\"}");
    *evidence = text_end(&t);
    return OK;
}

static bool tdx_present(const struct attester_options *o)
{
    return tsm_present(o, "tdx_guest");
}

const struct attester attester_tdx = {
    .option = "tdx",
    .tee = "tdx",
    .report_data_max = REPORT_DATA_SIZE,
    .present = tdx_present,
    .gather = tdx_gather,
};

/* --- SNP --------------------------------------------------------------------------------------------------------- */

static result snp_gather(const struct attester_query *q, struct arena *a, slice *evidence, struct failure *why)
{
    struct tsm_entry e = {.parent = -1, .folder = -1, .provider = "sev_guest", .why = why};
    slice report, certificates = NO_SLICE;
    TRY(tsm_report(q, &e, a, &report, &certificates));
    if (report.len != SNP_REPORT_SIZE)
        return failure_set(why, AGENT_EVIDENCE, "evidence", "configfs-tsm (sev_guest): outblob has %zu bytes, not %d",
                           (size_t)report.len, SNP_REPORT_SIZE);
    TRY(check_fields(q, snp_report_data(report), snp_host_data(report), "HOST_DATA", why));
    result r = snp_evidence_json(report, certificates, a, evidence);
    if (r.reason == AGENT_EVIDENCE)
        return failure_set(why, AGENT_EVIDENCE, "evidence",
                           "configfs-tsm (sev_guest): a report or certificate table that is not understood");
    return r;
}

static bool snp_present(const struct attester_options *o)
{
    return tsm_present(o, "sev_guest");
}

const struct attester attester_snp = {
    .option = "snp",
    .tee = "snp",
    .report_data_max = REPORT_DATA_SIZE,
    .present = snp_present,
    .gather = snp_gather,
};
