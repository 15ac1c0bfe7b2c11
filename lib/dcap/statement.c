/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/dcap/statement.h"

#include "lib/dcap/fields.h"

/* --- where a member's value stands ---------------------------------------------------------------------------------
 * The signature is over the bytes as they came, of which the JSON reader keeps no position. What is walked over here
 * has passed that reader: it is one object, whose names are unique. A name written with escapes is not found. */

static size_t after_space(slice text, size_t at)
{
    while (at < text.len && memchr(" \t\r\n", text.ptr[at], 4))
        at++;
    return at;
}

/* `at` is behind the opening quote. */
static size_t after_string(slice text, size_t at)
{
    while (at < text.len && text.ptr[at] != '"')
        at += text.ptr[at] == '\\' ? 2 : 1;
    return at + 1;
}

/* `at` is at the opening bracket. */
static size_t after_container(slice text, size_t at)
{
    size_t depth = 0;
    while (at < text.len) {
        switch (text.ptr[at++]) {
        case '"':
            at = after_string(text, at);
            break;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0)
                return at;
            break;
        default:
            break;
        }
    }
    return at;
}

static size_t after_value(slice text, size_t at)
{
    if (at < text.len && text.ptr[at] == '"')
        return after_string(text, at + 1);
    if (at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '['))
        return after_container(text, at);
    while (at < text.len && !memchr(",} \t\r\n", text.ptr[at], 6))
        at++;
    return at;
}

static bool find_member(slice text, slice name, slice *value)
{
    size_t at = after_space(text, 0) + 1; /* the brace */
    while ((at = after_space(text, at)) < text.len && text.ptr[at] == '"') {
        size_t start = at + 1, end = after_string(text, start);
        slice key = slice_sub(text, start, end - 1 - start);
        at = after_space(text, after_space(text, end) + 1); /* the colon */
        end = after_value(text, at);
        if (slice_equal(key, name)) {
            *value = slice_sub(text, at, end - at);
            return value->len > 0;
        }
        at = after_space(text, end) + 1; /* the comma */
    }
    return false;
}

/* --- taking it apart ------------------------------------------------------------------------------------------------
 */

/* The reader takes at most 8 times the text and 4 KiB; where there was as much, it is the text that is at fault. */
static enum reason why_not(result r, slice answer, size_t room)
{
    bool enough = room / 9 >= answer.len && room - 9 * answer.len >= 8 << 10;
    return r.reason == JSON_BUDGET && !enough ? NO_MEMORY : DCAP_COLLATERAL_FORM;
}

result statement_read(slice answer, slice member, struct arena *scratch, struct statement *out)
{
    const json *root;
    size_t room = scratch->size - scratch->used;
    *out = (struct statement){0};
    result r = json_parse(scratch, answer, &root);
    if (FAILED(r))
        return FAIL(why_not(r, answer, room));
    ENSURE(json_type(root) == TRUSTEE_NODE_OBJECT, DCAP_COLLATERAL_FORM);
    out->body = json_get(root, member);
    ENSURE(json_type(out->body) == TRUSTEE_NODE_OBJECT, DCAP_COLLATERAL_FORM);
    ENSURE(find_member(answer, member, &out->verbatim), DCAP_COLLATERAL_FORM);
    ENSURE(field_hex(root, S("signature"), out->signature, sizeof out->signature), DCAP_COLLATERAL_FORM);
    return OK;
}

bool statement_dates(const json *body, struct dcap_statement *out)
{
    return field_date(body, S("issueDate"), &out->issued) && field_date(body, S("nextUpdate"), &out->next_update) &&
           out->issued < out->next_update &&
           field_number(body, S("tcbEvaluationDataNumber"), UINT32_MAX, &out->evaluation_number);
}

result statement_verify(const struct statement *s, const struct tcb_signer *signer)
{
    struct raw_signature signature = {.scheme = SIGNATURE_ECDSA,
                                      .hash = HASH_SHA256,
                                      .r = slice_of(s->signature, 32),
                                      .s = slice_of(s->signature + 32, 32)};
    result r = signature_verify(x509_path_leaf_key(tcb_signer_path(signer)), &signature, s->verbatim);
    return r.reason == SIGNATURE_INVALID ? FAIL(DCAP_COLLATERAL_SIGNATURE) : r;
}
