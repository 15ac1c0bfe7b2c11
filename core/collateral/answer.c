/* SPDX-License-Identifier: Apache-2.0 */
#include "core/collateral/answer.h"

#define PEM_CRL_BEGIN "-----BEGIN X509 CRL-----"
#define PEM_CRL_END "-----END X509 CRL-----"

bool answer_is_chain_header(slice name)
{
    static const slice names[] = {
        TRUSTEE_TEXT("tcb-info-issuer-chain"),        TRUSTEE_TEXT("sgx-tcb-info-issuer-chain"),
        TRUSTEE_TEXT("sgx-pck-crl-issuer-chain"),     TRUSTEE_TEXT("sgx-enclave-identity-issuer-chain"),
        TRUSTEE_TEXT("sgx-qe-identity-issuer-chain"), TRUSTEE_TEXT("sgx-pck-certificate-issuer-chain"),
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_equal_nocase(name, names[i]))
            return true;
    return false;
}

/* Percent-decoding never makes anything longer; what is no text has no place in PEM. */
static bool decode_percent(slice in, struct arena *a, slice *out)
{
    uint8_t *to = arena_alloc(a, in.len, 1);
    size_t length = 0, one = 0;
    if (!to || in.len > 3 * COLLATERAL_CHAIN_MAX)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.ptr[i];
        if (c == '%') {
            uint8_t digits[2];
            if (in.len - i < 3)
                return false;
            for (size_t d = 0; d < 2; d++) {
                uint8_t x = in.ptr[i + 1 + d];
                digits[d] = x >= 'A' && x <= 'F' ? (uint8_t)(x + 32) : x;
            }
            if (!hex_decode(&c, 1, slice_of(digits, 2), &one))
                return false;
            i += 2;
        }
        if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c >= 0x7f)
            return false;
        to[length++] = c;
    }
    *out = slice_of(to, length);
    return length <= COLLATERAL_CHAIN_MAX;
}

static bool is_pem(slice s)
{
    return slice_starts(s, S("-----BEGIN CERTIFICATE-----"));
}

static slice without_space(slice s)
{
    while (s.len && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r')))
        s = slice_sub(s, 1, s.len);
    while (s.len && (s.ptr[s.len - 1] == ' ' || (s.ptr[s.len - 1] >= '\t' && s.ptr[s.len - 1] <= '\r')))
        s.len--;
    return s;
}

/* The text between the lines of a PEM block, in one piece. */
static bool pem_crl(slice s, struct arena *a, slice *out)
{
    slice inner = slice_sub(s, sizeof PEM_CRL_BEGIN - 1, s.len);
    if (!slice_ends(inner, S(PEM_CRL_END)))
        return false;
    inner.len -= sizeof PEM_CRL_END - 1;
    uint8_t *text = arena_alloc(a, inner.len, 1);
    size_t length = 0;
    for (size_t i = 0; text && i < inner.len; i++)
        if (inner.ptr[i] != '\n' && inner.ptr[i] != '\r')
            text[length++] = inner.ptr[i];
    if (!text || !base64_decode(text, length, slice_of(text, length), &length))
        return false;
    *out = slice_of(text, length);
    return true;
}

/* One DER SEQUENCE from the first byte to the last. */
static bool is_der(slice s)
{
    if (s.len < 4 || s.ptr[0] != 0x30)
        return false;
    size_t octets = s.ptr[1] & 0x7f, length = octets;
    if (!(s.ptr[1] & 0x80))
        return s.len == 2 + length;
    if (octets < 1 || octets > 4 || s.len < 2 + octets)
        return false;
    length = 0;
    for (size_t i = 0; i < octets; i++)
        length = length << 8 | s.ptr[2 + i];
    return s.len == 2 + octets + length;
}

/* Services differ: binary, a PEM block, or hex digits (PCCS). */
static bool to_der(slice body, struct arena *a, slice *out)
{
    size_t length = 0;
    slice text = without_space(body);
    *out = body;
    if (is_der(body))
        return true;
    if (slice_starts(text, S(PEM_CRL_BEGIN)))
        return pem_crl(text, a, out) && is_der(*out);
    uint8_t *bytes = text.len % 2 == 0 ? arena_alloc(a, text.len / 2, 1) : NULL;
    if (!bytes || !hex_decode(bytes, text.len / 2, text, &length))
        return false;
    *out = slice_of(bytes, length);
    return is_der(*out);
}

static bool body_of(slice body, enum collateral_form form, struct arena *a, slice *out)
{
    slice text = without_space(body);
    *out = body;
    switch (form) {
    case FORM_DER:
        return to_der(body, a, out);
    case FORM_JSON:
        /* Verbatim: signatures are over the very bytes. */
        return slice_starts(text, S("{")) && slice_ends(text, S("}"));
    case FORM_PEM:
        return is_pem(text);
    }
    return false;
}

bool answer_to_item(const struct answer *answer, const struct collateral_kind *kind, struct arena *a,
                    struct collateral_item *item, const char **why)
{
    static const char *const looks[] = {"the body is not DER", "the body is not a JSON object", "the body is not PEM"};
    item->chain = NO_SLICE;
    *why = looks[kind->form];
    if (!body_of(answer->body, kind->form, a, &item->bytes))
        return false;
    if (!kind->chain)
        return true;
    *why = "the header with the issuer chain is missing";
    if (!answer->chain.len)
        return false;
    *why = "the header with the issuer chain came twice";
    if (answer->doubled)
        return false;
    *why = "the header with the issuer chain is not percent-encoded PEM";
    return decode_percent(answer->chain, a, &item->chain) && is_pem(item->chain);
}
