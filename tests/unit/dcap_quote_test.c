/* SPDX-License-Identifier: Apache-2.0
 *
 * Quotes taken apart: every version and body, every length and type, every end. Whether they are true is not asked
 * here.
 */
#include "lib/dcap/quote.h"

#include <criterion/criterion.h>

#include "tests/support/forge_dcap.h"

static struct arena arena;
static struct forge_dcap_keys keys;
static struct forge_dcap k;
static struct forge_dcap_out out;
static struct dcap_quote q;

static void begin(void)
{
    cr_assert(!FAILED(arena_map(&arena, 32u << 20, ARENA_PLAIN)));
    forge_dcap_keys_begin(&keys, NULL);
}

static void end(void)
{
    forge_dcap_keys_end(&keys);
    arena_unmap(&arena);
}

TestSuite(dcap_quote, .init = begin, .fini = end, .timeout = 120);

static const struct {
    int version;
    enum forge_body body;
} SHAPES[] = {{3, FORGE_SGX}, {4, FORGE_SGX}, {4, FORGE_TDX10}, {5, FORGE_SGX}, {5, FORGE_TDX10}, {5, FORGE_TDX15}};
#define SHAPE_COUNT (sizeof SHAPES / sizeof *SHAPES)

static void make(size_t shape)
{
    forge_dcap_default(&k, SHAPES[shape].version, SHAPES[shape].body, FORGE_NOW);
    for (size_t i = 0; i < sizeof k.body; i++)
        k.body[i] = (uint8_t)(i * 7 + i / 256);
    forge_dcap_make(&arena, &keys, &k, &out);
}

/* A copy that may be changed. */
static uint8_t *copied(void)
{
    slice copy = arena_copy(&arena, out.quote);
    cr_assert(copy.ptr);
    return arena.base + (copy.ptr - arena.base);
}

static enum reason reads(slice bytes)
{
    return (enum reason)dcap_quote_read(bytes, &q).reason;
}

static enum reason with_u16(size_t at, unsigned value)
{
    uint8_t *bytes = copied();
    bytes[at] = (uint8_t)value;
    bytes[at + 1] = (uint8_t)(value >> 8);
    return reads(slice_of(bytes, out.quote.len));
}

static enum reason with_u32(size_t at, uint32_t value)
{
    uint8_t *bytes = copied();
    for (size_t i = 0; i < 4; i++)
        bytes[at + i] = (uint8_t)(value >> (8 * i));
    return reads(slice_of(bytes, out.quote.len));
}

static uint32_t u32_at(size_t at)
{
    uint32_t value = 0;
    struct reader r = reader_of(slice_sub(out.quote, at, 4));
    cr_assert(read_u32le(&r, &value));
    return value;
}

/* --- what is read
 * ---------------------------------------------------------------------------------------------------- */

static void is(slice field, const uint8_t *from, size_t size)
{
    cr_expect(slice_equal(field, slice_of(from, size)));
}

static void td_is_the_forged_one(void)
{
    is(q.td.tee_tcb_svn, k.body + FORGE_TD_TCB_SVN, 16);
    is(q.td.mr_seam, k.body + FORGE_TD_MRSEAM, 48);
    is(q.td.mrsigner_seam, k.body + FORGE_TD_MRSIGNERSEAM, 48);
    is(q.td.seam_attributes, k.body + FORGE_TD_SEAM_ATTRIBUTES, 8);
    is(q.td.td_attributes, k.body + FORGE_TD_ATTRIBUTES, 8);
    is(q.td.xfam, k.body + FORGE_TD_XFAM, 8);
    is(q.td.mr_td, k.body + FORGE_TD_MRTD, 48);
    is(q.td.mr_config_id, k.body + FORGE_TD_MRCONFIGID, 48);
    is(q.td.mr_owner, k.body + FORGE_TD_MROWNER, 48);
    is(q.td.mr_owner_config, k.body + FORGE_TD_MROWNERCONFIG, 48);
    for (size_t i = 0; i < 4; i++)
        is(q.td.rtmr[i], k.body + FORGE_TD_RTMR + 48 * i, 48);
    is(q.td.report_data, k.body + FORGE_TD_REPORT_DATA, 64);
    uint64_t attributes = 0;
    for (size_t i = 8; i-- > 0;)
        attributes = attributes << 8 | k.body[FORGE_TD_ATTRIBUTES + i];
    cr_expect(q.td.attributes == attributes);
}

static uint32_t number(size_t at, size_t size)
{
    uint32_t n = 0;
    while (size-- > 0)
        n = n << 8 | k.body[at + size];
    return n;
}

static void enclave_is_the_forged_one(void)
{
    const uint8_t *b = k.body;
    is(q.enclave.cpu_svn, b + FORGE_SGX_CPU_SVN, 16);
    is(q.enclave.reserved1, b + FORGE_SGX_RESERVED1, 12);
    is(q.enclave.isv_ext_prod_id, b + FORGE_SGX_EXT_PROD_ID, 16);
    is(q.enclave.attributes, b + FORGE_SGX_ATTRIBUTES, 16);
    is(q.enclave.mr_enclave, b + FORGE_SGX_MRENCLAVE, 32);
    is(q.enclave.reserved2, b + FORGE_SGX_RESERVED2, 32);
    is(q.enclave.mr_signer, b + FORGE_SGX_MRSIGNER, 32);
    is(q.enclave.reserved3, b + FORGE_SGX_RESERVED3, 32);
    is(q.enclave.config_id, b + FORGE_SGX_CONFIG_ID, 64);
    is(q.enclave.reserved4, b + FORGE_SGX_RESERVED4, 42);
    is(q.enclave.isv_family_id, b + FORGE_SGX_FAMILY_ID, 16);
    is(q.enclave.report_data, b + FORGE_SGX_REPORT_DATA, 64);
    cr_expect(q.enclave.misc_select == number(FORGE_SGX_MISC_SELECT, 4));
    cr_expect(q.enclave.isv_prod_id == number(FORGE_SGX_PROD_ID, 2));
    cr_expect(q.enclave.isv_svn == number(FORGE_SGX_SVN, 2));
    cr_expect(q.enclave.config_svn == number(FORGE_SGX_CONFIG_SVN, 2));
    cr_expect((q.enclave.flags & 0xff) == b[FORGE_SGX_ATTRIBUTES] && (q.enclave.xfrm & 0xff) == b[FORGE_SGX_XFRM]);
}

Test(dcap_quote, every_version_and_body_is_read_field_by_field)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        make(i);
        cr_assert_eq(reads(out.quote), REASON_OK, "version %d, body %d", SHAPES[i].version, SHAPES[i].body);
        cr_expect(q.version == SHAPES[i].version && (int)q.body_type == (int)SHAPES[i].body && q.key_type == 2);
        cr_expect(q.tee_type == (SHAPES[i].body == FORGE_SGX ? 0u : 0x81u));
        is(q.header, k.header, FORGE_HEADER_SIZE);
        is(q.header_4, k.header + FORGE_HEADER_RESERVED, 4);
        is(q.vendor_id, k.header + FORGE_HEADER_VENDOR, 16);
        is(q.user_data, k.header + FORGE_HEADER_USER_DATA, 20);
        if (SHAPES[i].body == FORGE_SGX)
            enclave_is_the_forged_one();
        else
            td_is_the_forged_one();
    }
}

Test(dcap_quote, what_tdx_1_5_has_more_is_absent_before)
{
    make(5);
    cr_assert_eq(reads(out.quote), REASON_OK);
    is(q.td.tee_tcb_svn2, k.body + FORGE_TD_TCB_SVN2, 16);
    is(q.td.mr_servicetd, k.body + FORGE_TD_MRSERVICETD, 48);
    make(4);
    cr_assert_eq(reads(out.quote), REASON_OK);
    cr_expect(!q.td.tee_tcb_svn2.ptr && !q.td.mr_servicetd.ptr);
}

Test(dcap_quote, signatures_and_what_they_are_over_stand_where_the_quote_has_them)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        make(i);
        const uint8_t *from = out.quote.ptr;
        cr_assert_eq(reads(out.quote), REASON_OK);
        is(q.signed_bytes, from + out.signed_from, out.signed_to - out.signed_from);
        is(q.signature, from + out.quote_signature, 64);
        is(q.attestation_key, from + out.attestation_key, 64);
        is(q.qe_report_bytes, from + out.qe_report, 384);
        is(q.qe_signature, from + out.qe_signature, 64);
        is(q.qe_auth_data, k.auth_data, k.auth_size);
        cr_expect(q.certification_type == 5 && slice_equal(q.certification_data, out.pck_chain));
    }
}

Test(dcap_quote, zeros_after_a_quote_are_padding)
{
    make(2);
    size_t length = out.quote.len;
    k.padding = 70;
    forge_dcap_quote(&arena, &keys, &k, &out);
    cr_assert_eq(reads(out.quote), REASON_OK);
    cr_expect(q.padding == 70 && out.quote.len == length + 70);
}

/* --- what is refused
 * ------------------------------------------------------------------------------------------------- */

Test(dcap_quote, other_versions_key_types_and_tees_are_refused)
{
    static const unsigned versions[] = {0, 1, 2, 6, 0x0103, 0xffff}, types[] = {0, 1, 3, 4, 0x0102, 0xffff};
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        make(i);
        for (size_t n = 0; n < 6; n++) {
            cr_expect_eq(with_u16(FORGE_HEADER_VERSION, versions[n]), DCAP_VERSION);
            cr_expect_eq(with_u16(FORGE_HEADER_KEY_TYPE, types[n]), DCAP_KEY_TYPE);
        }
        cr_expect_eq(with_u32(FORGE_HEADER_TEE_TYPE, 1), DCAP_TEE_TYPE);
        cr_expect_eq(with_u32(FORGE_HEADER_TEE_TYPE, 0x80), DCAP_TEE_TYPE);
        cr_expect_eq(with_u32(FORGE_HEADER_TEE_TYPE, 0x81000000), DCAP_TEE_TYPE);
    }
}

Test(dcap_quote, version_3_knows_no_other_tee)
{
    make(0);
    cr_expect_eq(with_u32(FORGE_HEADER_TEE_TYPE, 0x81), DCAP_TEE_TYPE);
}

Test(dcap_quote, body_type_size_and_tee_go_together)
{
    static const unsigned types[] = {0, 1, 2, 4, 0x0103, 0xffff};
    static const uint32_t sizes[] = {0, 1, 383, 384, 584, 647, 649, 0x7fffffff, 0xfffffffe, 0xffffffff};
    make(5);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        cr_expect_eq(with_u16(FORGE_HEADER_SIZE, types[i]), DCAP_BODY, "type %u", types[i]);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        cr_expect_eq(with_u32(FORGE_HEADER_SIZE + 2, sizes[i]), DCAP_BODY, "size %u", sizes[i]);
    cr_expect_eq(with_u32(FORGE_HEADER_TEE_TYPE, 0), DCAP_BODY);
    make(3);
    cr_expect_eq(with_u32(FORGE_HEADER_TEE_TYPE, 0x81), DCAP_BODY);
}

Test(dcap_quote, every_truncation_is_refused)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        make(i);
        for (size_t length = 0; length < out.quote.len; length++) {
            enum reason why = reads(slice_sub(out.quote, 0, length));
            cr_assert(why == DCAP_TRUNCATED, "version %d cut to %zu: %s", SHAPES[i].version, length, reason_id(why));
        }
    }
}

Test(dcap_quote, a_byte_that_is_not_zero_after_a_quote_is_refused)
{
    static const size_t lengths[] = {1, 2, 64, 4096, 65536};
    for (size_t i = 0; i < SHAPE_COUNT; i++)
        for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
            uint8_t *bytes = arena_alloc(&arena, out.quote.len + lengths[n], 1);
            make(i);
            bytes = arena_alloc(&arena, out.quote.len + lengths[n], 1);
            cr_assert(bytes);
            memcpy(bytes, out.quote.ptr, out.quote.len);
            memset(bytes + out.quote.len, 0, lengths[n]);
            bytes[out.quote.len + lengths[n] - 1] = 0x80;
            cr_expect_eq(reads(slice_of(bytes, out.quote.len + lengths[n])), DCAP_TRAILING);
            arena.used = 0;
        }
}

/* A length that is larger or smaller than what it holds never passes, whatever it is set to. */
static void length_is_held(size_t at, size_t width, uint32_t right)
{
    const uint32_t most = width == 2 ? 0xffff : 0xffffffff;
    const uint32_t wrong[] = {0, 1, right - 1, right + 1, right / 2, right * 2, most / 2, most - 1, most};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (wrong[i] == right)
            continue;
        enum reason why = width == 2 ? with_u16(at, wrong[i]) : with_u32(at, wrong[i]);
        cr_expect(why == DCAP_LENGTH || why == DCAP_TRUNCATED, "length %u at %zu: %s", wrong[i], at, reason_id(why));
    }
}

Test(dcap_quote, every_length_fills_what_holds_it)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        make(i);
        length_is_held(out.signed_to, 4, u32_at(out.signed_to));
        length_is_held(out.auth_data, 2, (uint32_t)k.auth_size);
        length_is_held(out.certification + 2, 4, u32_at(out.certification + 2));
        if (SHAPES[i].version > 3)
            length_is_held(out.qe_report - 4, 4, u32_at(out.qe_report - 4));
    }
}

Test(dcap_quote, certification_data_are_of_a_known_type)
{
    make(2);
    for (unsigned type = 1; type <= 5; type++) {
        cr_expect_eq(with_u16(out.certification, type), REASON_OK);
        cr_expect(q.certification_type == type);
    }
    cr_expect_eq(with_u16(out.certification, 0), DCAP_LENGTH);
    cr_expect_eq(with_u16(out.certification, 6), DCAP_LENGTH);
    cr_expect_eq(with_u16(out.certification, 7), DCAP_LENGTH);
    cr_expect_eq(with_u16(out.certification, 0xffff), DCAP_LENGTH);
}

Test(dcap_quote, the_wrapping_is_of_type_6_or_names_what_it_wraps)
{
    static const unsigned wrong[] = {0, 1, 2, 3, 4, 7, 0xffff};
    make(2);
    cr_expect_eq(with_u16(out.qe_report - 6, 5), REASON_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(with_u16(out.qe_report - 6, wrong[i]), DCAP_LENGTH);
}

Test(dcap_quote, an_enclave_report_has_384_bytes)
{
    static const uint8_t zeros[385];
    struct enclave_report e;
    cr_expect_eq(enclave_report_read(slice_of(zeros, 384), &e).reason, REASON_OK);
    cr_expect_eq(enclave_report_read(slice_of(zeros, 383), &e).reason, DCAP_TRUNCATED);
    cr_expect_eq(enclave_report_read(slice_of(zeros, 385), &e).reason, DCAP_TRUNCATED);
    cr_expect_eq(enclave_report_read(NO_SLICE, &e).reason, DCAP_TRUNCATED);
}
