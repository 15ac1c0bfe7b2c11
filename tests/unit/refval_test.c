/* SPDX-License-Identifier: Apache-2.0 */
#include "core/refval/refval.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/refval/rfc3339.h"

/* --- the storage facade, in memory, failing on demand ---------------------------------------------------------------
 */

struct item {
    char *key, *value;
};
static struct item items[REFVAL_COUNT_MAX + 8];
static size_t item_count, puts_left = SIZE_MAX; /* so many puts succeed */
static bool torn, get_fails, list_fails, delete_fails;
static atomic_bool hold_puts, put_is_held;

static size_t item_at(slice key)
{
    size_t low = 0, high = item_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        size_t length = strlen(items[middle].key);
        int order = memcmp(items[middle].key, key.ptr, length < key.len ? length : key.len);
        if (order < 0 || (order == 0 && length < key.len))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct item *item_of(slice key)
{
    size_t i = item_at(key);
    return i < item_count && slice_equal(slice_text(items[i].key), key) ? &items[i] : NULL;
}

static void put_item(slice key, slice value)
{
    struct item *held = item_of(key);
    if (held) {
        free(held->value);
        held->value = strndup((const char *)value.ptr, value.len);
        return;
    }
    size_t i = item_at(key);
    memmove(items + i + 1, items + i, (item_count - i) * sizeof *items);
    items[i] = (struct item){strndup((const char *)key.ptr, key.len), strndup((const char *)value.ptr, value.len)};
    item_count++;
}

static void drop_item(struct item *i)
{
    free(i->key);
    free(i->value);
    memmove(i, i + 1, (size_t)(items + --item_count - i) * sizeof *items);
}

result store_get(const struct store *s, struct trustee_request *req, slice space, slice key, struct arena *into,
                 size_t limit, slice *value)
{
    (void)s, (void)req;
    cr_assert(slice_equal(space, S("reference_value")));
    ENSURE(!get_fails, STORAGE);
    struct item *i = item_of(key);
    ENSURE(i, RELEASE_NOT_FOUND);
    ENSURE(strlen(i->value) <= limit, HTTP_BODY_TOO_LARGE);
    *value = arena_copy(into, slice_text(i->value));
    return value->ptr ? OK : FAIL(NO_MEMORY);
}

result store_put(const struct store *s, struct trustee_request *req, slice space, slice key, slice value)
{
    (void)s, (void)req;
    cr_assert(slice_equal(space, S("reference_value")));
    while (hold_puts)
        put_is_held = true;
    if (puts_left == 0) {
        if (torn) /* written, but nobody is told */
            put_item(key, value);
        return FAIL(STORAGE);
    }
    puts_left--;
    put_item(key, value);
    return OK;
}

result store_delete(const struct store *s, struct trustee_request *req, slice space, slice key)
{
    (void)s, (void)req, (void)space;
    struct item *i = item_of(key);
    ENSURE(i, RELEASE_NOT_FOUND);
    if (!delete_fails || torn)
        drop_item(i);
    return delete_fails ? FAIL(STORAGE) : OK;
}

result store_list(const struct store *s, struct trustee_request *req, slice space, slice prefix,
                  void (*name)(void *user, slice name, uint64_t size), void *user)
{
    (void)s, (void)req, (void)space;
    ENSURE(!list_fails, STORAGE);
    for (size_t i = item_count; i-- > 0;) /* in any order */
        if (slice_starts(slice_text(items[i].key), prefix))
            name(user, slice_text(items[i].key), strlen(items[i].value));
    return OK;
}

/* --- helpers
 * ------------------------------------------------------------------------------------------------------------ */

#define NOW INT64_C(1795468789) /* 2026-11-23T21:19:49Z */
#define YEAR (365 * INT64_C(86400))

static struct refval *values;
static struct refval_error error;

static void open_values(void)
{
    cr_assert(!FAILED(refval_open(NULL, NULL, &values)));
}

static void close_values(void)
{
    refval_close(values);
    values = NULL;
    while (item_count)
        drop_item(&items[item_count - 1]);
}

static result register_text(const char *message)
{
    return refval_register(values, NULL, slice_text(message), NOW, &error);
}

/* Registers a payload in a message of type sample. */
static result register_payload(slice payload)
{
    static const char head[] = "{\"version\":\"0.1.0\",\"type\":\"sample\",\"payload\":\"";
    size_t room = sizeof head + BASE64_SIZE(payload.len) + 3;
    char *message = malloc(room);
    size_t n = sizeof head - 1;
    memcpy(message, head, n);
    n += base64_encode((uint8_t *)message + n, payload);
    memcpy(message + n, "\"}", 2);
    result r = refval_register(values, NULL, slice_of(message, n + 2), NOW, &error);
    free(message);
    return r;
}

static void register_good(const char *payload)
{
    result r = register_payload(slice_text(payload));
    cr_assert(!FAILED(r), "%s: %s: %s", payload, reason_id(r.reason), error.text);
}

static void refused(result r, const char *why)
{
    cr_assert_eq(r.reason, REFERENCE_REQUEST, "%s", reason_id(r.reason));
    cr_assert(strstr(error.text, why), "%s", error.text);
}

/* The value's text, "none" where there is none; valid until the next call. */
static const char *text_at(const char *name, int64_t now)
{
    static char copy[4][4096];
    static int turn;
    slice text;
    char *out = copy[turn++ % 4];
    struct refval_pin pin = refval_pin(values);
    result r = refval_get(pin.snapshot, slice_text(name), now, &text);
    snprintf(out, sizeof copy[0], "%.*s", FAILED(r) ? 4 : (int)text.len, FAILED(r) ? "none" : (const char *)text.ptr);
    cr_assert(!FAILED(r) || r.reason == REFERENCE_NOT_FOUND);
    cr_assert_eq(FAILED(r), refval_lookup(pin.snapshot, slice_text(name), now).count == 0);
    refval_unpin(values, pin);
    return out;
}

#define expect(name, value) cr_assert_str_eq(text_at(name, NOW), value)

static uint64_t generation(void)
{
    struct refval_pin pin = refval_pin(values);
    uint64_t n = refval_generation(pin.snapshot);
    refval_unpin(values, pin);
    return n;
}

static size_t count(void)
{
    struct refval_pin pin = refval_pin(values);
    size_t n = refval_count(pin.snapshot);
    refval_unpin(values, pin);
    return n;
}

TestSuite(refval, .timeout = 120);
#define CASE(name) Test(refval, name, .init = open_values, .fini = close_values)

/* --- messages
 * -------------------------------------------------------------------------------------------------------------- */

CASE(a_message_as_upstreams_client_sends_it_is_registered)
{
    /* payload: {"svn":["1"]} */
    cr_assert(
        !FAILED(register_text("{\"payload\":\"eyJzdm4iOlsiMSJdfQ==\",\"type\":\"sample\",\"version\":\"0.1.0\"}")));
    expect("svn", "[\"1\"]");
    cr_assert_eq(generation(), 2);
}

CASE(a_value_is_stored_in_upstreams_form_for_twelve_months)
{
    register_good("{\"launch_digest\": [\"abcde\"]}");
    cr_assert_eq(item_count, 1);
    cr_assert_str_eq(items[0].key, "launch_digest");
    cr_assert_str_eq(items[0].value, "{\"version\":\"0.1.0\",\"name\":\"launch_digest\","
                                     "\"expiration\":\"2027-11-23T21:19:49Z\",\"value\":[\"abcde\"]}");
}

CASE(a_value_may_be_any_json)
{
    register_good("{\"a\": {\"b\": [1, -2, true, false, null, \"\\u00e9\\n\"], \"c\": {}}, \"n\": null, \"t\": \"x\","
                  " \"i\": 18446744073709551615, \"f\": 1.10, \"e\": []}");
    expect("a", "{\"b\":[1,-2,true,false,null,\"\xc3\xa9\\n\"],\"c\":{}}");
    expect("n", "null");
    expect("t", "\"x\"");
    expect("i", "18446744073709551615");
    expect("f", "1.10");
    expect("e", "[]");
}

CASE(a_value_is_a_tree_of_its_own)
{
    register_good("{\"a\": {\"b\": [1, \"two\"], \"c\": false}}");
    struct refval_pin pin = refval_pin(values);
    tree t = refval_lookup(pin.snapshot, S("a"), NOW);
    cr_assert_eq(t.count, 5);
    cr_assert_eq(t.nodes[0].type, TRUSTEE_NODE_OBJECT);
    cr_assert_eq(t.nodes[0].next, 5);
    cr_assert_eq(t.nodes[0].integer, 2);
    cr_assert_eq(t.nodes[0].key.len, 0);
    cr_assert_eq(t.nodes[1].type, TRUSTEE_NODE_ARRAY);
    cr_assert_eq(t.nodes[1].next, 4);
    cr_assert(slice_equal(t.nodes[1].key, S("b")));
    cr_assert_eq(t.nodes[2].integer, 1);
    cr_assert(slice_equal(t.nodes[3].text, S("two")));
    cr_assert(slice_equal(t.nodes[4].key, S("c")));
    cr_assert_eq(t.nodes[4].type, TRUSTEE_NODE_BOOL);
    cr_assert(slice_equal(tree_at(t, S("/b/1"))->text, S("two")));
    refval_unpin(values, pin);
}

CASE(values_of_earlier_messages_stay_and_those_of_the_same_name_are_replaced)
{
    register_good("{\"b\": 1, \"d\": 1}");
    register_good("{\"a\": 2, \"b\": 2, \"e\": 2}");
    expect("a", "2");
    expect("b", "2");
    expect("d", "1");
    expect("e", "2");
    expect("c", "none");
    expect("", "none");
    cr_assert_eq(count(), 4);
}

CASE(our_own_form_gives_each_value_its_expiration)
{
    register_good("[{\"name\": \"a\", \"value\": 1, \"expiration\": \"2026-11-23T21:19:50Z\"},"
                  " {\"name\": \"b\", \"value\": 2}]");
    cr_assert_str_eq(text_at("a", NOW), "1");
    cr_assert_str_eq(text_at("a", NOW + 1), "none");
    cr_assert_str_eq(text_at("b", NOW + YEAR - 1), "2");
    cr_assert_str_eq(text_at("b", NOW + YEAR), "none");
}

CASE(messages_that_are_not_as_the_protocol_has_them_are_refused)
{
    refused(register_text("{"), "the message is no JSON");
    refused(register_text(""), "the message is no JSON");
    refused(register_text("[]"), "version is not 0.1.0");
    refused(register_text("{\"type\":\"sample\",\"payload\":\"e30=\"}"), "version is not 0.1.0");
    refused(register_text("{\"version\":\"0.2.0\",\"type\":\"sample\",\"payload\":\"e30=\"}"), "version is not 0.1.0");
    refused(register_text("{\"version\":\"0.1.0\",\"payload\":\"e30=\"}"), "type is not sample");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"other\",\"payload\":\"e30=\"}"), "type is not sample");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"sample\"}"), "payload is missing");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"sample\",\"payload\":{}}"), "payload is missing");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"sample\",\"payload\":\"###\"}"), "not base64");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"sample\",\"payload\":\"e30\"}"), "not base64");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"sample\",\"payload\":\"e30=\",\"type\":\"sample\"}"),
            "stands twice");
    cr_assert_eq(generation(), 1);
    cr_assert_eq(item_count, 0);
}

CASE(swid_and_corim_are_refused_by_name)
{
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"swid\",\"payload\":\"e30=\"}"),
            "swid are not accepted yet");
    refused(register_text("{\"version\":\"0.1.0\",\"type\":\"corim\",\"payload\":\"e30=\"}"), "corim are not accepted");
}

CASE(payloads_that_are_not_values_are_refused)
{
    refused(register_payload(S("")), "the payload is no JSON");
    refused(register_payload(S("{\"a\":1")), "the payload is no JSON");
    refused(register_payload(S("{\"a\":1,\"a\":2}")), "the payload is no JSON");
    refused(register_payload(S("\"a\"")), "neither an object");
    refused(register_payload(S("[1]")), "value 1: each has");
    refused(register_payload(S("[{\"name\":\"a\"}]")), "value 1: each has");
    refused(register_payload(S("[{\"name\":\"a\",\"value\":1,\"expires\":1}]")), "value 1: each has");
    refused(register_payload(S("[{\"name\":\"a\",\"value\":1,\"expiration\":\"tomorrow\"}]")), "RFC 3339");
    refused(register_payload(S("[{\"name\":\"a\",\"value\":1,\"expiration\":7}]")), "RFC 3339");
    refused(register_payload(S("[{\"name\":\"a\",\"value\":1,\"expiration\":\"2026-11-23T21:19:49Z\"}]")),
            "has passed");
    refused(register_payload(S("[{\"name\":\"a\",\"value\":1},{\"name\":\"a\",\"value\":2}]")), "a stands twice");
    cr_assert_eq(item_count, 0);
}

CASE(nothing_is_stored_of_a_message_with_one_bad_value)
{
    refused(register_payload(S("{\"good\":1,\"\":2}")), "value 2: the name");
    refused(register_payload(S("[{\"name\":\"good\",\"value\":1},{\"name\":\"bad\"}]")), "value 2");
    cr_assert_eq(item_count, 0);
    cr_assert_eq(generation(), 1);
}

CASE(names_with_control_characters_and_overlong_ones_are_refused)
{
    static const char *const names[] = {"\\u0000", "a\\nb", "a\\u007f", "a\\u0085b", "\\u001b[2J"};
    char payload[1200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(payload, sizeof payload, "{\"%s\":1}", names[i]);
        refused(register_payload(slice_text(payload)), "control characters");
    }
    snprintf(payload, sizeof payload, "{\"%0513d\":1}", 7);
    refused(register_payload(slice_text(payload)), "1 to 512 bytes");
    snprintf(payload, sizeof payload, "{\"%0512d\":1}", 7);
    register_good(payload);
}

CASE(a_value_nested_too_deeply_is_refused)
{
    char payload[200];
    for (int depth = 25; depth <= 40; depth++) {
        int n = snprintf(payload, sizeof payload, "{\"a\":");
        memset(payload + n, '[', (size_t)depth);
        memset(payload + n + depth, ']', (size_t)depth);
        strcpy(payload + n + 2 * depth, "}");
        if (depth <= REFVAL_DEPTH_MAX)
            register_good(payload);
        else if (depth > REFVAL_DEPTH_MAX + 1)
            refused(register_payload(slice_text(payload)), "nested more than");
    }
}

CASE(a_value_that_is_too_large_is_refused)
{
    size_t size = REFVAL_VALUE_MAX + 10;
    char *payload = malloc(size + 20);
    int n = sprintf(payload, "{\"a\":\"");
    memset(payload + n, 'x', size);
    strcpy(payload + n + size, "\"}");
    refused(register_payload(slice_text(payload)), "larger than");
    strcpy(payload + n + size - 10000, "\"}");
    result r = register_payload(slice_text(payload));
    cr_assert(!FAILED(r), "%s", error.text);
    for (size_t i = 0; i < size; i++)
        payload[n + (int)i] = "10,"[i % 3];
    payload[n - 1] = '[';
    strcpy(payload + n + (REFVAL_VALUE_MAX / 3 - 3000) * 3, "10]}");
    r = register_payload(slice_text(payload));
    cr_assert(!FAILED(r), "a third of a million numbers: %s %s", reason_id(r.reason), error.text);
    cr_assert(!FAILED(refval_reload(values, NULL)));
    cr_assert_eq(generation(), 3);
    free(payload);
}

CASE(a_hundred_thousand_values_are_held_and_not_one_more)
{
    size_t n = 1;
    char *payload = malloc(32 * (REFVAL_COUNT_MAX + 2));
    payload[0] = '{';
    for (int i = 0; i < REFVAL_COUNT_MAX; i++)
        n += (size_t)sprintf(payload + n, "%s\"v%06d\":[\"%d\"]", i ? "," : "", i, i);
    size_t end = n;
    strcpy(payload + n, "}");
    register_good(payload);
    cr_assert_eq(count(), REFVAL_COUNT_MAX);
    expect("v000000", "[\"0\"]");
    expect("v099999", "[\"99999\"]");
    refused(register_payload(S("{\"one\":1}")), "more than 100000 values");
    register_good("{\"v000007\":\"replaced\"}");
    strcpy(payload + end, ",\"more\":1}");
    refused(register_payload(slice_text(payload)), "100001 values are more than 100000");
    free(payload);
    cr_assert(!FAILED(refval_reload(values, NULL)));
    expect("v000007", "\"replaced\"");
    cr_assert_eq(count(), REFVAL_COUNT_MAX);
}

/* --- names and keys
 * ----------------------------------------------------------------------------------------------------------- */

static const char *key_of(const char *name)
{
    static char text[REFVAL_KEY_MAX + 1];
    uint8_t room[REFVAL_KEY_MAX];
    slice key;
    cr_assert(!FAILED(refval_key(slice_text(name), room, &key)));
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(key));
    return text;
}

Test(refval, plain_names_are_their_own_keys_and_others_are_encoded)
{
    cr_assert_str_eq(key_of("snp_launch_measurement"), "snp_launch_measurement");
    cr_assert_str_eq(key_of("vendor/model.v1/digest"), "vendor/model.v1/digest");
    cr_assert_str_eq(key_of("x-ray"), "x-ray");
    cr_assert_str_eq(key_of("x-"), "x-");
    cr_assert_str_eq(key_of("a b"), "x-612062");
    cr_assert_str_eq(key_of("../a"), "x-2e2e2f61");
    cr_assert_str_eq(key_of(".a"), "x-2e61");
    cr_assert_str_eq(key_of("a//b"), "x-612f2f62");
    cr_assert_str_eq(key_of("/"), "x-2f");
    cr_assert_str_eq(key_of("\xc3\xa9"), "x-c3a9");
    cr_assert_str_eq(key_of("x-c3a9"), "x-782d63336139", "it looks like the key of another name");
    char name[200] = {0};
    memset(name, ' ', 121); /* printf '%121s' '' | sha256sum */
    cr_assert_str_eq(key_of(name), "h-599f95dfbff69a665958ac3dda140c3e269fc1acd01f8a47722a6dfbe32dc8c9");
    name[120] = 0;
    cr_assert_eq(strlen(key_of(name)), 242);
}

Test(refval, two_names_never_have_one_key)
{
    static const char *const parts[] = {"", "a", "/", ".", "x-", "h-", "61", "x-61", " ", "\xc3\xa9", "A", "-", "_"};
    enum { N = sizeof parts / sizeof *parts };
    static char names[N * N * N][16], keys[N * N * N][REFVAL_KEY_MAX];
    size_t n = 0;
    for (size_t i = 0; i < N * N * N; i++) {
        snprintf(names[n], sizeof names[0], "%s%s%s", parts[i % N], parts[i / N % N], parts[i / N / N]);
        if (!names[n][0])
            continue;
        snprintf(keys[n], sizeof keys[0], "%.200s", key_of(names[n]));
        n++;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_eq(strcmp(names[i], names[j]) == 0, strcmp(keys[i], keys[j]) == 0, "%s %s", names[i], names[j]);
}

Test(refval, what_is_no_name_has_no_key)
{
    uint8_t room[REFVAL_KEY_MAX];
    slice key;
    cr_assert_eq(refval_key(NO_SLICE, room, &key).reason, REFERENCE_REQUEST);
    cr_assert_eq(refval_key(S("a\nb"), room, &key).reason, REFERENCE_REQUEST);
    cr_assert_eq(refval_key(S("\xff"), room, &key).reason, REFERENCE_REQUEST);
}

CASE(values_with_any_name_survive_a_restart)
{
    register_good("{\"plain\":1,\"a/b\":2,\"a b\":3,\"../../etc\":4,\"\xc3\xa9\":5,\"x-c3a9\":6,"
                  "\"rvps://vendor/product?version=1#digest rvps://vendor/product?version=1#digest "
                  "rvps://vendor/product?version=1#digest rvps://vendor/product?version=1#digest\":7}");
    refval_close(values);
    open_values();
    cr_assert_eq(count(), 7);
    expect("plain", "1");
    expect("a/b", "2");
    expect("a b", "3");
    expect("../../etc", "4");
    expect("\xc3\xa9", "5");
    expect("x-c3a9", "6");
    cr_assert(!FAILED(refval_delete(values, NULL, S("../../etc"))));
    expect("../../etc", "none");
    cr_assert_eq(item_count, 6);
}

/* --- what is stored
 * ------------------------------------------------------------------------------------------------------------- */

CASE(a_value_that_upstream_stored_is_read)
{
    put_item(S("svn"), S("{\"version\":\"0.1.0\",\"name\":\"svn\",\"expiration\":\"2027-01-02T03:04:05.123456789Z\","
                         "\"value\":[\"1\"]}"));
    cr_assert(!FAILED(refval_reload(values, NULL)));
    expect("svn", "[\"1\"]");
    cr_assert_str_eq(text_at("svn", 1798859044), "[\"1\"]");
    cr_assert_str_eq(text_at("svn", 1798859045), "none", "expired at 2027-01-02T03:04:05Z");
}

CASE(stored_documents_that_are_none_are_left_out)
{
    put_item(S("good"),
             S("{\"version\":\"0.1.0\",\"name\":\"good\",\"expiration\":\"2027-01-01T00:00:00Z\",\"value\":1}"));
    put_item(S("empty"), S(""));
    put_item(S("torn"), S("{\"version\":\"0.1.0\",\"na"));
    put_item(S("other"),
             S("{\"version\":\"0.1.0\",\"name\":\"good\",\"expiration\":\"2027-01-01T00:00:00Z\",\"value\":2}"));
    put_item(S("when"), S("{\"version\":\"0.1.0\",\"name\":\"when\",\"expiration\":\"soon\",\"value\":2}"));
    put_item(S("what"), S("{\"version\":\"0.1.0\",\"name\":\"what\",\"expiration\":\"2027-01-01T00:00:00Z\"}"));
    put_item(S("new"),
             S("{\"version\":\"9.1.0\",\"name\":\"new\",\"expiration\":\"2027-01-01T00:00:00Z\",\"value\":1}"));
    cr_assert(!FAILED(refval_reload(values, NULL)));
    cr_assert_eq(count(), 1);
    expect("good", "1");
}

CASE(a_reload_makes_a_generation_only_if_something_changed)
{
    register_good("{\"a\":1}");
    cr_assert_eq(generation(), 2);
    cr_assert(!FAILED(refval_reload(values, NULL)));
    cr_assert_eq(generation(), 2);
    drop_item(&items[0]);
    cr_assert(!FAILED(refval_reload(values, NULL)));
    cr_assert_eq(generation(), 3);
    expect("a", "none");
}

CASE(a_reload_that_fails_keeps_what_was_there)
{
    register_good("{\"a\":1}");
    list_fails = true;
    cr_assert_eq(refval_reload(values, NULL).reason, STORAGE);
    list_fails = false;
    get_fails = true;
    cr_assert_eq(refval_reload(values, NULL).reason, STORAGE);
    expect("a", "1");
    cr_assert_eq(generation(), 2);
}

Test(refval, a_storage_that_does_not_answer_fails_the_start)
{
    list_fails = true;
    cr_assert_eq(refval_open(NULL, NULL, &values).reason, STORAGE);
}

CASE(after_a_failed_write_exactly_what_is_stored_is_visible)
{
    register_good("{\"a\":1,\"b\":1,\"c\":1}");
    puts_left = 1;
    cr_assert_eq(register_payload(S("{\"a\":2,\"b\":2,\"c\":2}")).reason, STORAGE);
    expect("a", "2");
    expect("b", "1");
    expect("c", "1");
    torn = true;
    cr_assert_eq(register_payload(S("{\"b\":3}")).reason, STORAGE);
    expect("b", "3");
    get_fails = true;
    cr_assert_eq(register_payload(S("{\"b\":4}")).reason, STORAGE);
    expect("b", "3");
}

CASE(a_removed_value_is_gone_from_memory_and_storage)
{
    register_good("{\"a\":1,\"b\":1}");
    cr_assert(!FAILED(refval_delete(values, NULL, S("a"))));
    expect("a", "none");
    expect("b", "1");
    cr_assert_eq(item_count, 1);
    cr_assert_eq(generation(), 3);
    cr_assert_eq(refval_delete(values, NULL, S("a")).reason, REFERENCE_NOT_FOUND);
    cr_assert_eq(refval_delete(values, NULL, NO_SLICE).reason, REFERENCE_NOT_FOUND);
}

CASE(a_removal_that_fails_leaves_what_the_storage_holds)
{
    register_good("{\"a\":1,\"b\":1}");
    delete_fails = true;
    cr_assert_eq(refval_delete(values, NULL, S("a")).reason, STORAGE);
    expect("a", "1");
    torn = true;
    cr_assert_eq(refval_delete(values, NULL, S("a")).reason, STORAGE);
    expect("a", "none");
}

struct seen {
    char text[256];
    int stop_after;
};

static bool see(void *user, const struct refval_item *item)
{
    struct seen *s = user;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%.*s=%.*s%s ", SLICE_ARG(item->name), SLICE_ARG(item->text),
             item->expired ? "!" : "");
    return --s->stop_after != 0;
}

CASE(a_listing_is_in_the_order_of_names_and_marks_what_has_expired)
{
    register_good("[{\"name\":\"b\",\"value\":1,\"expiration\":\"2026-12-01T00:00:00Z\"},{\"name\":\"a\",\"value\":2},"
                  "{\"name\":\"ab\",\"value\":3}]");
    struct refval_pin pin = refval_pin(values);
    struct seen all = {.stop_after = 9}, two = {.stop_after = 2};
    refval_list(pin.snapshot, NOW + 30 * 86400, see, &all);
    cr_assert_str_eq(all.text, "a=2 ab=3 b=1! ");
    refval_list(pin.snapshot, NOW, see, &two);
    cr_assert_str_eq(two.text, "a=2 ab=3 ");
    refval_unpin(values, pin);
}

Test(refval, error_details_are_upstreams_to_the_letter)
{
    struct arena a;
    cr_assert(!FAILED(arena_map(&a, 4096, ARENA_PLAIN)));
    cr_assert(slice_equal(refval_unknown_detail(&a, S("nosuch")),
                          S("RVPS configuration failed: Failed to get reference_values: No reference value found for "
                            "the given id: nosuch")));
    cr_assert(slice_equal(REFVAL_REGISTER_DETAIL, S("RVPS configuration failed: Failed to register reference value: "
                                                    "register reference value")));
    arena_unmap(&a);
}

/* --- generations
 * --------------------------------------------------------------------------------------------------------------- */

CASE(a_pinned_snapshot_never_changes)
{
    register_good("{\"a\":1}");
    struct refval_pin pin = refval_pin(values);
    tree before = refval_lookup(pin.snapshot, S("a"), NOW);
    register_good("{\"a\":2}");
    cr_assert(!FAILED(refval_delete(values, NULL, S("a"))));
    cr_assert_eq(before.nodes[0].integer, 1);
    cr_assert_eq(refval_generation(pin.snapshot), 2);
    cr_assert_eq(generation(), 4);
    refval_unpin(values, pin);
}

static void *slow_register(void *unused)
{
    register_good("{\"a\":2}");
    return unused;
}

CASE(reading_does_not_wait_for_a_write_and_does_not_see_it_before_it_is_stored)
{
    pthread_t thread;
    register_good("{\"a\":1}");
    hold_puts = true;
    pthread_create(&thread, NULL, slow_register, NULL);
    while (!put_is_held)
        ;
    expect("a", "1");
    hold_puts = false;
    pthread_join(thread, NULL);
    expect("a", "2");
}

static atomic_bool done;
static atomic_size_t reads;

/* Each generation holds one number twice. */
static void *read_pairs(void *unused)
{
    uint64_t last = 0;
    while (!done) {
        struct refval_pin pin = refval_pin(values);
        tree a = refval_lookup(pin.snapshot, S("a"), NOW), b = refval_lookup(pin.snapshot, S("b"), NOW);
        cr_assert_eq(a.nodes[0].integer, b.nodes[0].integer);
        cr_assert_geq(refval_generation(pin.snapshot), last, "generations only go forward");
        last = refval_generation(pin.snapshot);
        refval_unpin(values, pin);
        reads++;
    }
    return unused;
}

CASE(readers_see_whole_generations_while_values_change)
{
    pthread_t threads[3];
    char payload[64];
    register_good("{\"a\":0,\"b\":0}");
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, read_pairs, NULL);
    for (int i = 1; i <= 5000 || reads < 1000; i++) {
        snprintf(payload, sizeof payload, "{\"a\":%d,\"b\":%d}", i, i);
        register_good(payload);
    }
    done = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    cr_assert_gt(generation(), 5000);
}

static int dropped;

static void drop(void *object)
{
    dropped += *(int *)object;
}

Test(generations, an_object_is_dropped_once_after_its_last_reader_left)
{
    struct generations g;
    int one = 1, ten = 10, hundred = 100;
    generations_begin(&g, &one, drop);
    struct pin a = generations_pin(&g), b = generations_pin(&g);
    cr_assert(!FAILED(generations_publish(&g, &ten)));
    struct pin c = generations_pin(&g);
    cr_assert(a.object == &one && b.object == &one && c.object == &ten);
    generations_unpin(a);
    generations_unpin(c);
    cr_assert(!FAILED(generations_publish(&g, &hundred)));
    cr_assert_eq(dropped, 10);
    generations_unpin(b);
    generations_end(&g);
    cr_assert_eq(dropped, 111);
}

Test(generations, too_many_that_are_still_read_refuse_another_one)
{
    struct generations g;
    struct pin pins[GENERATIONS_MAX];
    int zero = 0;
    generations_begin(&g, &zero, drop);
    for (int i = 0; i < GENERATIONS_MAX - 1; i++) {
        pins[i] = generations_pin(&g);
        cr_assert(!FAILED(generations_publish(&g, &zero)));
    }
    pins[GENERATIONS_MAX - 1] = generations_pin(&g);
    cr_assert_eq(generations_publish(&g, &zero).reason, NO_MEMORY);
    generations_unpin(pins[5]);
    cr_assert(!FAILED(generations_publish(&g, &zero)));
    for (int i = 0; i < GENERATIONS_MAX; i++)
        if (i != 5)
            generations_unpin(pins[i]);
    generations_end(&g);
}

/* --- times: RFC 3339 section 5.8, and the calendar
 * -------------------------------------------------------------------------- */

static int64_t parsed(const char *text)
{
    int64_t t;
    return rfc3339_parse(slice_text(text), &t) ? t : -1;
}

Test(rfc3339, the_examples_of_the_rfc_are_read)
{
    cr_assert_eq(parsed("1985-04-12T23:20:50.52Z"), 482196050);
    cr_assert_eq(parsed("1996-12-19T16:39:57-08:00"), 851042397);
    cr_assert_eq(parsed("1990-12-31T23:59:60Z"), 662688000);
    cr_assert_eq(parsed("1990-12-31T15:59:60-08:00"), 662688000);
    cr_assert_eq(parsed("2000-02-29T00:00:00z"), 951782400);
    cr_assert_eq(parsed("9999-12-31T23:59:59Z"), 253402300799);
    cr_assert_eq(parsed("1970-01-01T00:00:00Z"), 0);
}

Test(rfc3339, what_is_no_time_is_refused)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T21:19:49",
        "2026-11-23T21:19Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00Zx",
        "+2026-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        " 2026-01-01T00:00:00Z",
        "2026-1-01T00:00:00Z",
        "1937-01-01T12:00:27.87+00:20",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(parsed(texts[i]), -1, "%s", texts[i]);
}

Test(rfc3339, what_is_written_reads_back)
{
    uint8_t text[RFC3339_SIZE];
    for (int64_t t = 0; t < 253402300799; t += 86400 * 97 + 12345) {
        int64_t again;
        cr_assert(rfc3339_format(t, text));
        cr_assert(rfc3339_parse(slice_of(text, sizeof text), &again));
        cr_assert_eq(again, t);
    }
    cr_assert_not(rfc3339_format(-1, text));
    cr_assert_not(rfc3339_format(253402300800, text));
}

Test(rfc3339, a_year_later_is_the_same_day_or_the_28th_of_february)
{
    cr_assert_eq(rfc3339_years_later(parsed("2026-11-23T21:19:49Z"), 1), parsed("2027-11-23T21:19:49Z"));
    cr_assert_eq(rfc3339_years_later(parsed("2027-03-01T00:00:00Z"), 1), parsed("2028-03-01T00:00:00Z"));
    cr_assert_eq(rfc3339_years_later(parsed("2028-02-29T12:00:00Z"), 1), parsed("2029-02-28T12:00:00Z"));
    cr_assert_eq(rfc3339_years_later(parsed("2028-02-29T12:00:00Z"), 4), parsed("2032-02-29T12:00:00Z"));
}
