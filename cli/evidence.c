/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evidence.h"

#include <sys/stat.h>

#include "lib/tcg/tpm.h"
#include "lib/x509/x509.h"

#define EVENTLOG_MAX ((size_t)8 << 20)
#define SNP_REPORT_SIZE 1184
#define REPORT_DATA_SIZE 64
#define TDX_TYPE 0x81

/* --- quotes and reports: only what tells one from the other, and where the report data stands --- */

struct quote_head {
    uint16_t version, body;
    uint32_t tee;
};

static bool read_head(slice bytes, struct quote_head *h)
{
    struct reader r = reader_of(bytes);
    slice skipped;
    uint16_t key;
    *h = (struct quote_head){0};
    if (!read_u16le(&r, &h->version) || !read_u16le(&r, &key) || !read_u32le(&r, &h->tee) ||
        !read_bytes(&r, 40, &skipped))
        return false;
    return h->version != 5 || read_u16le(&r, &h->body);
}

/* The vendor of the quoting enclave is Intel: a quote, whatever its version says. */
static bool is_intels(slice bytes)
{
    static const uint8_t vendor[] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                     0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    return slice_equal(slice_sub(bytes, 12, sizeof vendor), slice_of(vendor, sizeof vendor));
}

static slice quote_tee(slice bytes)
{
    struct quote_head h;
    if (!read_head(bytes, &h) || ((h.version < 3 || h.version > 5) && !is_intels(bytes)))
        return NO_SLICE;
    if (h.tee == TDX_TYPE)
        return S("tdx");
    return h.tee == 0 ? S("sgx") : NO_SLICE;
}

/* An SNP report's second field is the guest's own version number; a quote's is its kind of key, never 0. */
static slice bare_tee(slice bytes)
{
    struct reader r = reader_of(bytes);
    uint16_t low = 0, high = 0;
    bool report = bytes.len == SNP_REPORT_SIZE && read_u16le(&r, &low) && read_u16le(&r, &high) && high == 0;
    return report && low >= 2 ? S("snp") : quote_tee(bytes);
}

static slice quote_field(slice quote)
{
    struct quote_head h;
    size_t at = 48;
    if (!read_head(quote, &h))
        return NO_SLICE;
    at += h.version == 5 ? 6 : 0;
    bool td = h.version == 5 ? h.body >= 2 : h.tee == TDX_TYPE;
    slice field = slice_sub(quote, at + (td ? 520 : 320), REPORT_DATA_SIZE);
    return field.len == REPORT_DATA_SIZE ? field : NO_SLICE;
}

/* --- the forms of the protocol --- */

static slice decoded(struct arena *a, const json *v)
{
    slice text = json_text(v);
    size_t length, room = BASE64_DECODED_MAX(text.len);
    uint8_t *bytes = text.len ? arena_alloc(a, room, 1) : NULL;
    return bytes && base64_decode(bytes, room, text, &length) ? slice_of(bytes, length) : NO_SLICE;
}

static slice number_list(struct arena *a, const json *v)
{
    size_t n = 0, count = json_count(v);
    uint8_t *bytes = count && count <= 4096 ? arena_alloc(a, count, 1) : NULL;
    for (const json *x = bytes ? json_next(v, NULL, NULL) : NULL; x; x = json_next(v, x, NULL)) {
        uint64_t number;
        if (!json_u64(x, &number) || number > 255)
            return NO_SLICE;
        bytes[n++] = (uint8_t)number;
    }
    return slice_of(bytes, n);
}

static slice snp_field(struct arena *a, const json *v)
{
    slice raw = decoded(a, json_get(v, S("attestation_report_raw")));
    return raw.len ? slice_sub(raw, 0x50, REPORT_DATA_SIZE)
                   : number_list(a, json_at(v, S("/attestation_report/report_data")));
}

static slice tpm_field(struct arena *a, const json *v)
{
    struct tpm_quote quote;
    slice message = decoded(a, json_at(v, S("/tpm_quote/message")));
    return FAILED(tpm_read_quote(message, &quote)) ? NO_SLICE : quote.extra_data;
}

static slice field_of(struct arena *a, slice tee, const json *v)
{
    if (slice_equal(tee, S("tdx")) || slice_equal(tee, S("sgx")))
        return quote_field(decoded(a, json_get(v, S("quote"))));
    if (slice_equal(tee, S("snp")))
        return snp_field(a, v);
    if (slice_equal(tee, S("tpm")))
        return tpm_field(a, v);
    if (slice_equal(tee, S("sample")) || slice_equal(tee, S("sampledevice")))
        return decoded(a, json_get(v, S("report_data")));
    return NO_SLICE;
}

static bool has(const json *v, slice a, slice b)
{
    return json_get(v, a) && (!b.len || json_get(v, b));
}

static slice json_tee(struct arena *a, const json *v)
{
    if (has(v, S("attestation_report_raw"), NO_SLICE))
        return S("snp");
    if (has(v, S("attestation_report"), NO_SLICE))
        return has(v, S("serial_number"), NO_SLICE) ? S("csv") : S("snp");
    if (has(v, S("tpm_quote"), S("td_quote")))
        return S("az-tdx-vtpm");
    if (has(v, S("hcl_report"), NO_SLICE) || has(v, S("report"), S("vcek")))
        return S("az-snp-vtpm");
    if (has(v, S("tpm_quote"), S("ak_public")))
        return S("tpm");
    if (has(v, S("quote"), NO_SLICE))
        return quote_tee(decoded(a, json_get(v, S("quote"))));
    if (has(v, S("device_evidence_list"), NO_SLICE))
        return S("nvidia");
    if (has(v, S("svn"), S("report_data")))
        return S("sample");
    return has(v, S("token"), NO_SLICE) ? S("cca") : NO_SLICE;
}

/* --- bare bytes into the form of the protocol --- */

static void add_member(struct text *t, slice name, slice bytes)
{
    text_json(t, name);
    text_lit(t, ":\"");
    text_base64(t, bytes);
    text_lit(t, "\"");
}

/* AMD's service gives no VLEK to anybody: it comes with the report, or as a file beside it. */
static slice find_vlek(struct arena *a, const struct sources *s)
{
    static const uint8_t name[] = {0x55, 0x04, 0x03, 0x0c, 0x08, 'S', 'E', 'V', '-', 'V', 'L', 'E', 'K'};
    for (size_t i = 0; i < s->count; i++) {
        struct stat st;
        struct certificate found;
        uint8_t *room = arena_alloc(a, X509_CERTIFICATE_MAX, 1);
        FILE *f = room && stat(s->paths[i], &st) == 0 && S_ISREG(st.st_mode) ? fopen(s->paths[i], "r") : NULL;
        size_t n = f ? fread(room, 1, X509_CERTIFICATE_MAX, f) : 0;
        if (f)
            (void)fclose(f);
        slice der = slice_of(room, n);
        if (!FAILED(certificate_read(der, &found)) && memmem(found.subject.ptr, found.subject.len, name, sizeof name))
            return der;
    }
    return NO_SLICE;
}

static slice wrap(struct arena *a, const struct evidence_in *in, slice tee, slice bytes, slice log)
{
    bool snp = slice_equal(tee, S("snp"));
    slice vlek = snp ? find_vlek(a, in->sources) : NO_SLICE;
    struct text t = text_begin(a);
    text_lit(&t, "{");
    add_member(&t, snp ? S("attestation_report_raw") : S("quote"), bytes);
    if (log.len) {
        text_lit(&t, ",");
        add_member(&t, S("cc_eventlog"), log);
    }
    if (vlek.len) {
        text_lit(&t, ",\"cert_chain\":[{\"cert_type\":\"VLEK\",");
        add_member(&t, S("data"), vlek);
        text_lit(&t, "}]");
    }
    text_lit(&t, "}");
    return text_end(&t);
}

/* An event log beside evidence that is JSON already. */
static slice splice(struct arena *a, slice object, slice log)
{
    struct text t = text_begin(a);
    text_lit(&t, "{");
    add_member(&t, S("cc_eventlog"), log);
    text_lit(&t, ",");
    text_add(&t, slice_sub(object, slice_find(object, '{') + 1, object.len));
    return text_end(&t);
}

/* --- reading --- */

static int read_log(struct arena *a, const char *file, slice *log)
{
    *log = NO_SLICE;
    if (!file)
        return 0;
    if (!read_input(file, EVENTLOG_MAX, a, log))
        return EXIT_USAGE;
    return log->len ? 0 : say(EXIT_USAGE, "--eventlog %s: it is empty", file);
}

static int read_json(struct arena *a, const struct evidence_in *in, slice text, slice log, struct evidence *out)
{
    if (FAILED(json_parse(a, text, &out->value)))
        return say(EXIT_USAGE, "%s: it begins like JSON and is none", in->file);
    if (json_type(out->value) != TRUSTEE_NODE_OBJECT)
        return say(EXIT_USAGE, "%s: evidence in JSON is an object", in->file);
    if (log.len && json_get(out->value, S("cc_eventlog")))
        return say(EXIT_USAGE, "%s has an event log of its own; leave --eventlog out", in->file);
    if (log.len && FAILED(json_parse(a, splice(a, text, log), &out->value)))
        return say(EXIT_USAGE, "%s: the event log does not go into it", in->file);
    out->tee = slice_text(in->tee);
    if (strcmp(in->tee, "auto") == 0)
        out->tee = json_tee(a, out->value);
    return 0;
}

static int read_bare(struct arena *a, const struct evidence_in *in, slice bytes, slice log, struct evidence *out)
{
    bool is_auto = strcmp(in->tee, "auto") == 0;
    out->bare = true;
    out->tee = is_auto ? bare_tee(bytes) : slice_text(in->tee);
    if (!out->tee.len)
        return 0;
    if (!slice_equal(out->tee, S("tdx")) && !slice_equal(out->tee, S("sgx")) && !slice_equal(out->tee, S("snp")))
        return say(EXIT_USAGE, "%s is no JSON; bare quotes and reports are read for tdx, sgx and snp only", in->file);
    slice text = wrap(a, in, out->tee, bytes, log);
    if (!text.ptr || FAILED(json_parse(a, text, &out->value)))
        return say(EXIT_USAGE, "%s: it is too large", in->file);
    return 0;
}

int evidence_read(struct cli *c, struct arena *a, const struct evidence_in *in, struct evidence *out)
{
    slice bytes, log;
    (void)c;
    *out = (struct evidence){0};
    if (!read_input(in->file, EVIDENCE_MAX, a, &bytes))
        return EXIT_USAGE;
    if (!bytes.len)
        return say(EXIT_USAGE, "%s: it is empty", in->file);
    int code = read_log(a, in->eventlog, &log);
    if (code)
        return code;
    slice start = bytes;
    while (start.len && (*start.ptr == ' ' || *start.ptr == '\n' || *start.ptr == '\r' || *start.ptr == '\t'))
        start = slice_sub(start, 1, start.len);
    code = start.len && *start.ptr == '{' ? read_json(a, in, start, log, out) : read_bare(a, in, bytes, log, out);
    if (code)
        return code;
    if (!out->tee.len)
        return say(EXIT_USAGE, "%s: what it is evidence of cannot be told from its shape; say --tee NAME", in->file);
    out->field = field_of(a, out->tee, out->value);
    return 0;
}
