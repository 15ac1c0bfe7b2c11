/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/tdx/tdx.h"

#define HEADER_SIZE 48

static void put_header(const trustee_host *host, trustee_writer *w, const struct dcap_quote *q)
{
    host->put_object(w, S("header"));
    host->put_hex(w, S("version"), slice_sub(q->header, 0, 2));
    host->put_hex(w, S("att_key_type"), slice_sub(q->header, 2, 2));
    host->put_hex(w, S("tee_type"), slice_sub(q->header, 4, 4));
    host->put_hex(w, S("reserved"), q->header_4);
    host->put_hex(w, S("vendor_id"), q->vendor_id);
    host->put_hex(w, S("user_data"), q->user_data);
    host->put_end(w);
}

static void put_body(const trustee_host *host, trustee_writer *w, const struct td_report *td)
{
    const struct {
        slice name, bytes;
    } fields[] = {
        {S("tcb_svn"), td->tee_tcb_svn},
        {S("mr_seam"), td->mr_seam},
        {S("mrsigner_seam"), td->mrsigner_seam},
        {S("seam_attributes"), td->seam_attributes},
        {S("td_attributes"), td->td_attributes},
        {S("xfam"), td->xfam},
        {S("mr_td"), td->mr_td},
        {S("mr_config_id"), td->mr_config_id},
        {S("mr_owner"), td->mr_owner},
        {S("mr_owner_config"), td->mr_owner_config},
        {S("rtmr_0"), td->rtmr[0]},
        {S("rtmr_1"), td->rtmr[1]},
        {S("rtmr_2"), td->rtmr[2]},
        {S("rtmr_3"), td->rtmr[3]},
        {S("report_data"), td->report_data},
        {S("tee_tcb_svn2"), td->tee_tcb_svn2}, /* the last two are absent in TDX 1.0 */
        {S("mr_servicetd"), td->mr_servicetd},
    };
    host->put_object(w, S("body"));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].bytes.ptr)
            host->put_hex(w, fields[i].name, fields[i].bytes);
    host->put_end(w);
}

static void put_attributes(const trustee_host *host, trustee_writer *w, uint64_t attributes)
{
    host->put_object(w, S("td_attributes"));
    host->put_bool(w, S("debug"), (attributes & TD_DEBUG) != 0);
    host->put_bool(w, S("septve_disable"), (attributes & TD_SEPT_VE_DISABLE) != 0);
    host->put_bool(w, S("protection_keys"), (attributes & TD_PROTECTION_KEYS) != 0);
    host->put_bool(w, S("key_locker"), (attributes & TD_KEY_LOCKER) != 0);
    host->put_bool(w, S("perfmon"), (attributes & TD_PERFMON) != 0);
    host->put_end(w);
}

void tdx_put_quote(const trustee_host *host, trustee_writer *w, const struct dcap_quote *q)
{
    host->put_object(w, S("quote"));
    put_header(host, w, q);
    if (q->version == 5) {
        host->put_hex(w, S("type"), slice_sub(q->signed_bytes, HEADER_SIZE, 2));
        host->put_hex(w, S("size"), slice_sub(q->signed_bytes, HEADER_SIZE + 2, 4));
    }
    put_body(host, w, &q->td);
    host->put_end(w);
    put_attributes(host, w, q->td.attributes);
}
