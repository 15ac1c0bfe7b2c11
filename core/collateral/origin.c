/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/origin.h"

#include <stdio.h>

#define PARTS_MAX 5
#define PAUSE_MAX_MS 60000u         /* after failures */
#define RETRY_AFTER_MAX_MS 3600000u /* when it asks for it */
#define BLINKS 1u                   /* failures that make nobody wait: one bad key is not a bad origin */

/* --- base URLs --------------------------------------------------------------------------------------------------- */

/* People copy base URLs as upstream and Intel's tools have them, with the API's path. */
static slice without_api_path(slice base)
{
    static const slice tails[] = {TRUSTEE_TEXT("/sgx/certification/v4"), TRUSTEE_TEXT("/tdx/certification/v4")};
    while (slice_ends(base, S("/")))
        base.len--;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (slice_ends(base, tails[i]))
            base.len -= tails[i].len;
    while (slice_ends(base, S("/")))
        base.len--;
    return base;
}

static bool is_url_text(slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || s.ptr[i] == '?' || s.ptr[i] == '#' || s.ptr[i] == '@' ||
            s.ptr[i] == '\\' || s.ptr[i] == '"')
            return false;
    return true;
}

static result bad_url(const char *option, slice url, char *error, size_t error_size)
{
    snprintf(error, error_size,
             "[collateral] %s = %.*s: expected a URL such as https://host:port, without user, query and fragment, "
             "512 characters at most",
             option, SLICE_ARG(url));
    return FAIL(CONFIG_VALUE);
}

static bool host_of(slice url, slice *host)
{
    slice scheme = slice_starts(url, S("https://")) ? S("https://") : S("http://");
    if (!slice_starts(url, scheme))
        return false;
    slice rest = slice_sub(url, scheme.len, url.len);
    size_t end = slice_find(rest, '/');
    *host = slice_sub(url, 0, scheme.len + end);
    return end > 0;
}

struct reading {
    struct origins *out;
    char *error;
    size_t error_size;
};

static result read_bases(const struct reading *r, const char *option, const struct bind_list *list,
                         enum origin_service service)
{
    for (size_t i = 0; i < list->count; i++) {
        slice url = list->items[i], host;
        if (slice_equal(url, S("none")))
            continue;
        if (url.len > 512 || !is_url_text(url) || !host_of(url, &host))
            return bad_url(option, url, r->error, r->error_size);
        if (r->out->count == ORIGINS_MAX) {
            snprintf(r->error, r->error_size, "[collateral]: %d base URLs at most", ORIGINS_MAX);
            return FAIL(CONFIG_VALUE);
        }
        slice base = service == ORIGIN_INTEL_ROOT_CRL ? url : without_api_path(url);
        r->out->at[r->out->count++] = (struct origin){.service = service, .base = base, .host = host};
    }
    return OK;
}

result origins_read(const struct collateral_settings *c, struct origins *out, char *error, size_t error_size)
{
    struct reading r = {out, error, error_size};
    *out = (struct origins){.early = c->tcb_update == TCB_UPDATE_EARLY};
    TRY(read_bases(&r, "intel_pccs", &c->intel_pccs, ORIGIN_PCCS));
    TRY(read_bases(&r, "intel_pcs", &c->intel_pcs, ORIGIN_PCS));
    TRY(read_bases(&r, "intel_root_crl", &c->intel_root_crl, ORIGIN_INTEL_ROOT_CRL));
    return read_bases(&r, "amd_kds", &c->amd_kds, ORIGIN_KDS);
}

/* --- URLs of items ----------------------------------------------------------------------------------------------- */

struct url {
    char *text;
    size_t length;
    slice parts[PARTS_MAX]; /* of the key */
    bool good;
};

static void add(struct url *u, slice s)
{
    if (!u->good || s.len >= ORIGIN_URL_MAX - u->length) {
        u->good = false;
        return;
    }
    memcpy(u->text + u->length, s.ptr, s.len);
    u->length += s.len;
    u->text[u->length] = 0;
}

/* Part of a key. collateral_is_name() has seen to it that nothing needs escaping; it is looked at again all the same.
 */
static void add_part(struct url *u, slice part)
{
    u->good = u->good && part.len && slice_is_name(part, "-");
    add(u, part);
}

/* Two digits at least, as AMD's documents and upstream write them. */
static void add_number(struct url *u, slice part)
{
    uint64_t n;
    char text[24];
    u->good = u->good && slice_u64(part, &n) && n <= 255;
    if (!u->good)
        return;
    int length = snprintf(text, sizeof text, "%02u", (unsigned)n);
    add(u, slice_of(text, (size_t)length));
}

static size_t split(slice text, uint8_t by, slice parts[PARTS_MAX])
{
    size_t count = 0;
    slice part;
    while (slice_split(&text, by, &part)) {
        if (count == PARTS_MAX)
            return 0;
        parts[count++] = part;
    }
    return count;
}

static void tcb_info(struct url *u, const struct origins *all)
{
    add(u, S("/"));
    add_part(u, u->parts[0]);
    add(u, S("/certification/v4/tcb?fmspc="));
    add_part(u, u->parts[1]);
    if (all->early)
        add(u, S("&update=early"));
}

static void qe_identity(struct url *u, const struct origins *all)
{
    add(u, S("/"));
    add_part(u, u->parts[0]);
    add(u, S("/certification/v4/qe/identity"));
    if (all->early)
        add(u, S("?update=early"));
}

static void pck_crl(struct url *u, const struct origins *all)
{
    (void)all;
    add(u, S("/sgx/certification/v4/pckcrl?ca="));
    add_part(u, u->parts[0]);
    add(u, S("&encoding=der"));
}

static void root_crl(struct url *u, const struct origins *all)
{
    (void)all;
    add(u, S("/sgx/certification/v4/rootcacrl"));
}

static void pck(struct url *u, const struct origins *all)
{
    (void)all;
    add(u, S("/sgx/certification/v4/pckcert?qeid="));
    add_part(u, u->parts[0]);
    add(u, S("&encrypted_ppid="));
    if (!slice_equal(u->parts[4], S("-")))
        add_part(u, u->parts[4]);
    add(u, S("&cpusvn="));
    add_part(u, u->parts[1]);
    add(u, S("&pcesvn="));
    add_part(u, u->parts[2]);
    add(u, S("&pceid="));
    add_part(u, u->parts[3]);
}

static void vcek(struct url *u, const struct origins *all)
{
    slice svns[PARTS_MAX];
    static const slice names[] = {TRUSTEE_TEXT("blSPL="), TRUSTEE_TEXT("&teeSPL="), TRUSTEE_TEXT("&snpSPL="),
                                  TRUSTEE_TEXT("&ucodeSPL=")};
    size_t count = split(u->parts[2], '-', svns);
    (void)all;
    u->good = u->good && count >= 4;
    add(u, S("/vcek/v1/"));
    add_part(u, u->parts[0]);
    add(u, S("/"));
    add_part(u, u->parts[1]);
    add(u, S("?"));
    if (count == 5) {
        add(u, S("fmcSPL="));
        add_number(u, svns[4]);
        add(u, S("&"));
    }
    for (size_t i = 0; i < 4 && u->good; i++) {
        add(u, names[i]);
        add_number(u, svns[i]);
    }
}

static void amd(struct url *u, slice what)
{
    add(u, S("/"));
    add_part(u, u->parts[1]);
    add(u, S("/v1/"));
    add_part(u, u->parts[0]);
    add(u, what);
}

static void ca_chain(struct url *u, const struct origins *all)
{
    (void)all;
    amd(u, S("/cert_chain"));
}

static void amd_crl(struct url *u, const struct origins *all)
{
    (void)all;
    amd(u, S("/crl"));
}

static const struct {
    slice kind;
    unsigned services; /* bits of enum origin_service */
    void (*path)(struct url *u, const struct origins *all);
} paths[] = {
    {TRUSTEE_TEXT("intel/tcb-info"), 1u << ORIGIN_PCCS | 1u << ORIGIN_PCS, tcb_info},
    {TRUSTEE_TEXT("intel/qe-identity"), 1u << ORIGIN_PCCS | 1u << ORIGIN_PCS, qe_identity},
    {TRUSTEE_TEXT("intel/pck-crl"), 1u << ORIGIN_PCCS | 1u << ORIGIN_PCS, pck_crl},
    {TRUSTEE_TEXT("intel/root-crl"), 1u << ORIGIN_PCCS, root_crl},
    {TRUSTEE_TEXT("intel/pck"), 1u << ORIGIN_PCCS, pck},
    {TRUSTEE_TEXT("amd/vcek"), 1u << ORIGIN_KDS, vcek},
    {TRUSTEE_TEXT("amd/ca-chain"), 1u << ORIGIN_KDS, ca_chain},
    {TRUSTEE_TEXT("amd/crl"), 1u << ORIGIN_KDS, amd_crl},
};

bool origin_url(const struct origins *all, const struct origin *o, slice kind, slice key, char url[ORIGIN_URL_MAX])
{
    struct url u = {.text = url, .good = collateral_is_name(kind, key)};
    url[0] = 0;
    if (!u.good || !split(key, '/', u.parts))
        return false;
    add(&u, o->base);
    if (o->service == ORIGIN_INTEL_ROOT_CRL)
        return u.good && slice_equal(kind, S("intel/root-crl"));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (slice_equal(paths[i].kind, kind)) {
            if (!(paths[i].services & 1u << o->service))
                return false;
            paths[i].path(&u, all);
            return u.good;
        }
    return false;
}

/* --- back-off ---------------------------------------------------------------------------------------------------- */

void origin_failed(struct origin *o, uint64_t now_ms, uint64_t retry_after, bool asked_to_wait)
{
    uint64_t pause = 0;
    if (o->failures < 32)
        o->failures++;
    if (asked_to_wait)
        pause = retry_after ? retry_after * 1000 : 1000;
    unsigned blinks = asked_to_wait ? 0 : BLINKS;
    if (o->failures > blinks) {
        unsigned doublings = o->failures - blinks - 1;
        uint64_t longer = doublings < 6 ? UINT64_C(1000) << doublings : PAUSE_MAX_MS;
        if (!retry_after && longer > pause)
            pause = longer;
    }
    if (pause > (retry_after ? RETRY_AFTER_MAX_MS : PAUSE_MAX_MS))
        pause = retry_after ? RETRY_AFTER_MAX_MS : PAUSE_MAX_MS;
    if (now_ms + pause > o->asleep_ms)
        o->asleep_ms = now_ms + pause;
}

void origin_answered(struct origin *o)
{
    o->failures = 0;
}
