/* SPDX-License-Identifier: Apache-2.0
 *
 * A replay proves digests and their order in each register, and nothing else of a log: neither what type an event has,
 * nor data that the digest is not over, nor that an event came from the firmware rather than, later, from the guest
 * itself. So details are told only where they could not be another's:
 *  - they only name what was measured (a label), or the digest is over what they tell;
 *  - no separator or end of the boot services stands before them in their register that would not be there had the
 *    firmware written them. Both are known by their digests, whatever type the log gives them;
 *  - they do not give a second value to a variable.
 */
#include "lib/tcg/eventlog.h"

#include "lib/json/json.h"
#include "lib/tcg/algorithm.h"
#include "lib/tcg/device_path.h"
#include "lib/tcg/efi_text.h"
#include "lib/tcg/event_details.h"
#include "lib/tcg/event_types.h"

#define VARIABLES_MAX 128
#define CONTENT_DEPTH_MAX 16
#define EXIT_BOOT_SERVICES "Exit Boot Services Invocation"

struct variable {
    uint8_t name[DIGEST_SIZE_MAX]; /* digest of GUID and name */
    uint32_t index, type;
    slice value;
};

/* What has been seen of a register. */
struct register_state {
    bool separated; /* a separator: what comes later was written on behalf of what was booted */
    bool exited;    /* the end of the boot services: what comes later is the operating system's */
    bool spoilt;    /* a separator under another type, or something else under its type */
};

struct walk {
    const trustee_host *host;
    trustee_request *req;
    trustee_writer *w;
    const struct eventlog_proof *proof;
    const struct log_algorithm *algorithm;
    struct arena scratch;
    struct digester digester;
    uint8_t separators[2][DIGEST_SIZE_MAX], exit[DIGEST_SIZE_MAX];
    struct register_state registers[EVENTLOG_REGISTERS];
    struct variable variables[VARIABLES_MAX];
    size_t variable_count;
};

/* --- what may be told --- */

static bool equals(const struct walk *k, slice digest, const uint8_t *other)
{
    return memcmp(digest.ptr, other, k->digester.size) == 0;
}

static result matches(struct walk *k, slice digest, slice bytes, bool *out)
{
    uint8_t computed[DIGEST_SIZE_MAX];
    TRY(digester_of(&k->digester, bytes, NO_SLICE, computed));
    *out = equals(k, digest, computed);
    return OK;
}

/* The digest is over what the details tell. */
static result covered(struct walk *k, slice digest, const struct event_details *d, bool *out)
{
    if (*out || !d->part.ptr)
        return OK;
    for (size_t more = 0; more <= d->more && !*out; more++)
        TRY(matches(k, digest, slice_of(d->part.ptr, d->part.len + more), out));
    return OK;
}

static bool is_separator(const struct walk *k, slice digest)
{
    return equals(k, digest, k->separators[0]) || equals(k, digest, k->separators[1]);
}

static void observe(struct walk *k, const struct event *e, slice digest, bool matching)
{
    struct register_state *s = &k->registers[e->index];
    if (e->type == EV_SEPARATOR && matching && is_separator(k, digest))
        s->separated = true;
    else if (e->type == EV_SEPARATOR || is_separator(k, digest))
        s->spoilt = true;
    if (equals(k, digest, k->exit))
        s->exited = true;
}

static bool is_firmwares(uint32_t type)
{
    return type == EV_POST_CODE || type == EV_PLATFORM_CONFIG_FLAGS || type == EV_OMIT_BOOT_DEVICE_EVENTS ||
           (type & 0x80000000 && type != EV_EFI_ACTION);
}

static bool too_late(const struct register_state *s, uint32_t type)
{
    return s->spoilt || (s->exited && is_firmwares(type)) || (s->separated && type == EV_EFI_VARIABLE_DRIVER_CONFIG);
}

/* A variable that was measured before with another value; also where there are too many to remember. */
static result is_second(struct walk *k, const struct event *e, const struct event_details *d, bool *out)
{
    struct variable own = {.index = e->index, .type = e->type, .value = d->value};
    TRY(digester_of(&k->digester, d->guid, d->name, own.name));
    for (size_t i = 0; i < k->variable_count; i++) {
        const struct variable *v = &k->variables[i];
        *out = v->index == own.index && v->type == own.type && memcmp(v->name, own.name, sizeof own.name) == 0;
        if (!*out)
            continue;
        *out = !slice_equal(v->value, own.value);
        return OK;
    }
    *out = k->variable_count == VARIABLES_MAX;
    if (!*out)
        k->variables[k->variable_count++] = own;
    return OK;
}

static result may_be_told(struct walk *k, const struct event *e, const struct event_details *d, bool *out)
{
    bool second = false, told = *out;
    TRY(covered(k, event_digest_of(e, k->algorithm->id), d, &told));
    told = d->form != DETAILS_NONE && (told || d->label) && !too_late(&k->registers[e->index], e->type);
    if (told && d->form == DETAILS_VARIABLE)
        TRY(is_second(k, e, d, &second));
    *out = told && !second;
    return OK;
}

/* --- writing --- */

static void put_variable(struct walk *k, const struct event_details *d)
{
    char guid[37];
    struct arena room = {.base = (uint8_t *)guid, .size = sizeof guid};
    struct text t = text_begin(&room);
    text_guid_raw(&t, d->guid);
    k->host->put_text(k->w, S("variable_name"), text_end(&t));
    k->host->put_text(k->w, S("unicode_name"), d->text);
    k->host->put_i64(k->w, S("unicode_name_length"), (int64_t)(d->name.len / 2));
    k->host->put_base64(k->w, S("variable_data"), TRUSTEE_BASE64_STD, d->value);
    k->host->put_i64(k->w, S("variable_data_length"), (int64_t)d->value.len);
}

static result put_path(struct walk *k, slice path)
{
    struct reader r = reader_of(path);
    struct device_node node;
    size_t used = k->scratch.used;
    if (path.len == 4)
        return OK;
    k->host->put_array(k->w, S("device_paths"));
    while (device_path_next(&r, &node)) {
        slice text = device_node_text(&k->scratch, &node);
        ENSURE(text.ptr, NO_MEMORY);
        k->host->put_text(k->w, NO_SLICE, text);
        k->scratch.used = used;
    }
    k->host->put_end(k->w);
    return OK;
}

static bool is_shallow(const json *v, unsigned depth)
{
    slice key;
    if (json_type(v) != TRUSTEE_NODE_ARRAY && json_type(v) != TRUSTEE_NODE_OBJECT)
        return true;
    for (const json *m = NULL; (m = json_next(v, m, &key));)
        if (depth == 0 || !is_shallow(m, depth - 1))
            return false;
    return true;
}

static void put_json(struct walk *k, slice key, const json *v);

static void put_members(struct walk *k, const json *v)
{
    slice key = NO_SLICE;
    for (const json *m = NULL; (m = json_next(v, m, &key));)
        put_json(k, key, m);
    k->host->put_end(k->w);
}

static void put_json(struct walk *k, slice key, const json *v)
{
    const trustee_host *h = k->host;
    bool truth = false;
    int64_t number = 0;
    switch (json_type(v)) {
    case TRUSTEE_NODE_OBJECT:
        h->put_object(k->w, key);
        put_members(k, v);
        break;
    case TRUSTEE_NODE_ARRAY:
        h->put_array(k->w, key);
        put_members(k, v);
        break;
    case TRUSTEE_NODE_STRING:
        h->put_text(k->w, key, json_text(v));
        break;
    case TRUSTEE_NODE_BOOL:
        (void)json_bool(v, &truth);
        h->put_bool(k->w, key, truth);
        break;
    case TRUSTEE_NODE_NULL:
        h->put_null(k->w, key);
        break;
    default:
        if (json_i64(v, &number))
            h->put_i64(k->w, key, number);
        else
            h->put_number(k->w, key, json_number(v));
    }
}

/* JSON where it is that, else the text. */
static void put_content(struct walk *k, slice content)
{
    const json *v;
    size_t used = k->scratch.used;
    result r = json_parse(&k->scratch, content, &v);
    if (!FAILED(r) && is_shallow(v, CONTENT_DEPTH_MAX))
        put_json(k, S("content"), v);
    else
        k->host->put_text(k->w, S("content"), content);
    k->scratch.used = used;
}

static void put_agent_line(struct walk *k, const struct event_details *d)
{
    k->host->put_text(k->w, S("string"), d->text);
    k->host->put_text(k->w, S("unicode_name"), S("AAEL"));
    k->host->put_object(k->w, S("data"));
    k->host->put_text(k->w, S("domain"), d->domain);
    k->host->put_text(k->w, S("operation"), d->operation);
    put_content(k, d->content);
    k->host->put_end(k->w);
}

static result put_details(struct walk *k, const struct event_details *d)
{
    switch (d->form) {
    case DETAILS_TEXT:
        k->host->put_text(k->w, S("string"), d->text);
        return OK;
    case DETAILS_HEX:
        k->host->put_hex(k->w, S("string"), d->text);
        return OK;
    case DETAILS_VARIABLE:
        put_variable(k, d);
        return OK;
    case DETAILS_PATH:
        return put_path(k, d->path);
    case DETAILS_AAEL:
        put_agent_line(k, d);
        return OK;
    case DETAILS_NONE:
        break;
    }
    return OK;
}

static void put_digests(struct walk *k, slice digest)
{
    const trustee_host *h = k->host;
    h->put_array(k->w, S("digests"));
    if (digest.ptr) {
        h->put_object(k->w, NO_SLICE);
        h->put_text(k->w, S("alg"), k->algorithm->name);
        h->put_hex(k->w, S("digest"), digest);
        h->put_end(k->w);
    }
    h->put_end(k->w);
}

/* `told` is NULL where the details are not to be told. */
static result put_event(struct walk *k, const struct event *e, slice digest, bool matching,
                        const struct event_details *told)
{
    const trustee_host *h = k->host;
    h->put_object(k->w, NO_SLICE);
    h->put_i64(k->w, S("index"), e->index);
    h->put_text(k->w, S("type_name"), event_type_name(e->type));
    h->put_object(k->w, S("details"));
    if (told)
        TRY(put_details(k, told));
    h->put_end(k->w);
    put_digests(k, digest);
    h->put_bool(k->w, S("digest_matches_event"), matching);
    h->put_base64(k->w, S("event"), TRUSTEE_BASE64_STD, e->data);
    return h->put_end(k->w) == TRUSTEE_OK ? OK : FAIL(NO_MEMORY);
}

static result put_measured(struct walk *k, const struct event *e, const struct event_details *d, slice digest)
{
    bool matching = false;
    TRY(matches(k, digest, e->data, &matching));
    observe(k, e, digest, matching);
    bool told = matching;
    TRY(may_be_told(k, e, d, &told));
    return put_event(k, e, digest, matching, told ? d : NULL);
}

/* EV_NO_ACTION: for information, measured nowhere. Zeros stand for its digest; anything else might pass for one. */
static result put_unmeasured(struct walk *k, const struct event *e, slice digest)
{
    static const uint8_t ZEROS[DIGEST_SIZE_MAX];
    bool zero = digest.ptr && equals(k, digest, ZEROS);
    return put_event(k, e, zero ? digest : NO_SLICE, false, NULL);
}

static bool is_proved(const struct walk *k, const struct event *e, slice digest)
{
    return digest.ptr && e->index < EVENTLOG_REGISTERS && k->proof->registers & UINT32_C(1) << e->index;
}

static result walk_event(struct walk *k, const struct event *e)
{
    struct event_details d;
    slice digest = event_digest_of(e, k->algorithm->id);
    ENSURE(event_type_name(e->type).ptr, EVENTLOG_TYPE);
    if (e->type == EV_NO_ACTION)
        return put_unmeasured(k, e, digest);
    k->scratch.used = 0;
    TRY(event_details(&k->scratch, e, &d));
    return is_proved(k, e, digest) ? put_measured(k, e, &d, digest) : OK;
}

static result walk_events(struct walk *k)
{
    struct eventlog log;
    struct event e;
    TRY(eventlog_open(k->proof->log, &log));
    for (bool end = false;;) {
        TRY(eventlog_next(&log, &e, &end));
        if (end)
            return OK;
        TRY(walk_event(k, &e));
    }
}

/* --- setting up --- */

static result largest_event(slice bytes, size_t *out)
{
    struct eventlog log;
    struct event e;
    *out = 0;
    TRY(eventlog_open(bytes, &log));
    for (bool end = false;;) {
        TRY(eventlog_next(&log, &e, &end));
        if (end)
            return OK;
        if (e.data.len > *out)
            *out = e.data.len;
    }
}

/* Room for texts made of the largest event, and for the JSON of one line. */
static result take_scratch(struct walk *k)
{
    size_t largest;
    TRY(largest_event(k->proof->log, &largest));
    size_t line = largest < AAEL_SIZE_MAX ? largest : AAEL_SIZE_MAX;
    k->scratch.size = 2 * largest + 10 * line + 4096;
    k->scratch.base = k->host->arena_alloc(k->req, k->scratch.size, 16);
    return k->scratch.base ? OK : FAIL(NO_MEMORY);
}

static result known_digests(struct walk *k)
{
    TRY(digester_begin(&k->digester, k->algorithm->digest));
    TRY(digester_of(&k->digester, S("\0\0\0\0"), NO_SLICE, k->separators[0]));
    TRY(digester_of(&k->digester, S("\xff\xff\xff\xff"), NO_SLICE, k->separators[1]));
    return digester_of(&k->digester, S(EXIT_BOOT_SERVICES), NO_SLICE, k->exit);
}

result eventlog_claims(const trustee_host *host, trustee_request *req, trustee_writer *w, slice key,
                       const struct eventlog_proof *proof)
{
    struct walk *k = host->arena_alloc(req, sizeof *k, _Alignof(struct walk));
    ENSURE(k, NO_MEMORY);
    *k = (struct walk){.host = host, .req = req, .w = w, .proof = proof, .algorithm = log_algorithm(proof->algorithm)};
    ENSURE(k->algorithm, EVENTLOG_ALGORITHM);
    TRY(take_scratch(k));
    host->put_array(w, key);
    result r = known_digests(k);
    if (!FAILED(r))
        r = walk_events(k);
    digester_end(&k->digester);
    if (!FAILED(r) && host->put_end(w) != TRUSTEE_OK)
        return FAIL(NO_MEMORY);
    return r;
}
