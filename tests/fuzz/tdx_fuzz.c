/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's verify() and judge_collateral() through the fake host, beside good evidence of a vendor of our own. The
 * first byte says what the rest takes the place of: the evidence's JSON, the quote, the event log, or an item of
 * collateral and its chain (two bytes give the length of the first).
 */
#include <stdlib.h>

#include "lib/dcap/quote.h"
#include "tests/support/judge_dcap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const trustee_plugin *trustee_plugin_describe_v1(void);

static struct judge j;

static void begin(void)
{
    judge_begin(&j, trustee_plugin_describe_v1(), "tdx");
    judge_default(&j, 5, FORGE_TDX15);
    if (!judge_all(&j))
        abort();
    j.host.cache_refuses = true; /* no run may leave anything to the next */
}

/* Nothing but the whole good evidence is genuine, and every refusal has a reason. */
static void sound(bool may_be_genuine)
{
    if (j.host.claims_failed || (j.host.status == TRUSTEE_REJECT) != (j.host.reason.len > 0))
        abort();
    if (j.host.status != TRUSTEE_OK && j.host.out.verdict != TRUSTEE_VERDICT_NONE)
        abort();
    if (j.host.status == TRUSTEE_OK && !may_be_genuine)
        abort();
}

static void evidence(slice bytes)
{
    trustee_verify_in in = {.collateral = j.items, .collateral_count = j.item_count, .now = j.k.now};
    in.report_data = slice_of(j.report_data, sizeof j.report_data);
    (void)fake_verify(&j.host, j.tee, bytes, &in);
    if (j.host.status != TRUSTEE_E_INVAL) /* no JSON */
        sound(true);
}

/* What is signed; ends of lines between certificates may differ in a quote that is genuine. */
static slice signed_part(slice bytes)
{
    struct dcap_quote q;
    return FAILED(dcap_quote_read(bytes, &q)) ? NO_SLICE : q.signed_bytes;
}

static void quote(slice bytes)
{
    judge_quote(&j, bytes);
    sound(slice_equal(signed_part(bytes), signed_part(j.out.quote)));
}

static void eventlog(slice bytes)
{
    j.eventlog = bytes;
    judge_quote(&j, j.out.quote);
    sound(true);
    j.eventlog = NO_SLICE;
}

/* Its signatures say what the good item's do, or it is refused. */
static void collateral(size_t n, slice bytes, slice chain)
{
    trustee_collateral *item = &j.items[n % j.item_count], own = *item;
    trustee_collateral_facts facts;
    const trustee_verifier *v = j.plugin->interfaces[0].vtable;
    item->bytes = bytes;
    if (chain.len)
        item->chain = chain;
    judge_quote(&j, j.out.quote);
    sound(slice_equal(fake_claim(&j.host, "/tcb_status"), S("UpToDate")));
    fake_request(&j.host);
    trustee_status status = v->judge_collateral(j.host.instance, fake_handle(&j.host), item, j.k.now, &facts);
    if ((status == TRUSTEE_REJECT) != (j.host.reason.len > 0) ||
        (status == TRUSTEE_OK && !slice_equal(bytes, own.bytes)))
        abort();
    *item = own;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!j.loaded)
        begin();
    if (size == 0 || size > 128 * 1024)
        return 0;
    struct reader r = reader_of(slice_of(data + 1, size - 1));
    uint16_t length;
    slice bytes;
    if (data[0] < 0x40)
        evidence(r.left);
    else if (data[0] < 0x80)
        quote(r.left);
    else if (data[0] < 0xa0)
        eventlog(r.left);
    else if (read_u16le(&r, &length) && read_bytes(&r, length, &bytes))
        collateral(data[0], bytes, r.left);
    return 0;
}
