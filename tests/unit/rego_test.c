/* SPDX-License-Identifier: Apache-2.0 */
/* The policy engine as the service meets it: a shared object behind the C interface. What it says about policies is
 * tested beside it, in policy/rego/src/tests; here is that both sides of the interface mean the same bytes. */
#include <trustee/policy.h>

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(trustee_host) == 328 && offsetof(trustee_host, reject) == 88, "policy/rego/src/abi.rs");
_Static_assert(offsetof(trustee_host, put_object) == 184 && offsetof(trustee_host, put_number) == 256, "abi.rs");
_Static_assert(offsetof(trustee_host, cancelled) == 304, "abi.rs");
_Static_assert(sizeof(trustee_plugin) == 216 && offsetof(trustee_plugin, options) == 136, "abi.rs");
_Static_assert(offsetof(trustee_plugin, init) == 184, "abi.rs");
_Static_assert(sizeof(trustee_node) == 48 && offsetof(trustee_node, integer) == 40, "abi.rs");
_Static_assert(sizeof(trustee_policy_error) == 32 && sizeof(trustee_policy_info) == 32, "abi.rs");
_Static_assert(sizeof(trustee_policy) == 72 && sizeof(trustee_policy_in) == 72, "abi.rs");
_Static_assert(offsetof(trustee_policy_in, now) == 48 && offsetof(trustee_policy_in, reference) == 64, "abi.rs");

/* What the host was told. */
static int64_t written;
static int32_t written_truth;
static char reason[64];

static bool says(trustee_slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static trustee_status put_i64(trustee_writer *w, trustee_slice key, int64_t number)
{
    (void)w;
    written = says(key, "allow") ? number : -1;
    return TRUSTEE_OK;
}

static trustee_status put_bool(trustee_writer *w, trustee_slice key, uint32_t truth)
{
    (void)w;
    written_truth = says(key, "allow") ? (int32_t)truth : -1;
    return TRUSTEE_OK;
}

static void reject(trustee_request *req, trustee_slice id, trustee_slice text)
{
    (void)req;
    (void)text;
    snprintf(reason, sizeof reason, "%.*s", (int)id.len, (const char *)id.ptr);
}

static uint32_t cancelled(trustee_request *req)
{
    (void)req;
    return 0;
}

static const trustee_node known_values[] = {
    {.type = TRUSTEE_NODE_ARRAY, .next = 2, .integer = 1},
    {.type = TRUSTEE_NODE_STRING, .next = 2, .text = TRUSTEE_TEXT("aa")},
};

static trustee_tree reference(trustee_request *req, trustee_slice name)
{
    (void)req;
    return says(name, "tpm_pcr11") ? (trustee_tree){known_values, 2} : (trustee_tree){NULL, 0};
}

static const trustee_host host = {
    .size = sizeof host, .reject = reject, .put_i64 = put_i64, .put_bool = put_bool, .cancelled = cancelled};

static const trustee_plugin *plugin;
static const trustee_policy *rego;
static void *instance;

static void load(void)
{
    void *object = dlopen("build/plugins/rego.so", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    cr_assert_not_null(object, "%s", dlerror());
    trustee_plugin_describe_fn describe;
    *(void **)&describe = dlsym(object, TRUSTEE_PLUGIN_SYMBOL);
    cr_assert_not_null(describe);
    plugin = describe();
    rego = plugin->interfaces[0].vtable;
    written = written_truth = -1;
    reason[0] = 0;
    cr_assert_eq(plugin->init(&host, NULL, &instance), TRUSTEE_OK);
}

static void unload(void)
{
    plugin->fini(instance);
}

TestSuite(rego, .init = load, .fini = unload);

static trustee_slice text_of(const char *text)
{
    return (trustee_slice){(const uint8_t *)text, strlen(text)};
}

static void *compile(const char *text, trustee_policy_info *info)
{
    void *policy = NULL;
    trustee_policy_error error = {.size = sizeof error};
    cr_assert_eq(rego->compile(instance, text_of("test"), text_of(text), &policy, info, &error), TRUSTEE_OK);
    return policy;
}

/* input = {"tpm": {"pcr11": "aa"}} */
static const trustee_node input[] = {
    {.type = TRUSTEE_NODE_OBJECT, .next = 3, .integer = 1},
    {.type = TRUSTEE_NODE_OBJECT, .next = 3, .key = TRUSTEE_TEXT("tpm"), .integer = 1},
    {.type = TRUSTEE_NODE_STRING, .next = 3, .key = TRUSTEE_TEXT("pcr11"), .text = TRUSTEE_TEXT("aa")},
};
static const trustee_slice rules[] = {TRUSTEE_TEXT("allow")};

static trustee_status evaluate(void *policy)
{
    trustee_policy_in in = {.size = sizeof in,
                            .rule_count = 1,
                            .rules = rules,
                            .input = {input, 3},
                            .now = 1700000000,
                            .deadline_ms = 1000,
                            .reference = reference};
    return rego->evaluate(instance, NULL, policy, &in, NULL);
}

Test(rego, describes_itself_and_passes_its_self_test)
{
    cr_assert_eq(plugin->magic, TRUSTEE_PLUGIN_MAGIC);
    cr_assert_eq(plugin->size, sizeof *plugin);
    cr_assert_eq(plugin->thread_model, TRUSTEE_THREADS_PARALLEL);
    cr_assert(says(plugin->name, "rego") && says(plugin->interfaces[0].kind, "policy"));
    cr_assert(plugin->interface_count == 1 && plugin->interfaces[0].major == TRUSTEE_POLICY_MAJOR);
    cr_assert(says(rego->language, "rego") && says(rego->suffix, ".rego"));
    cr_assert_eq(plugin->self_test(instance), TRUSTEE_OK);
    for (uint32_t i = 0; i < plugin->reason_count; i++)
        cr_assert(plugin->reasons[i].id.len > 5 && memcmp(plugin->reasons[i].id.ptr, "rego.", 5) == 0);
}

Test(rego, refuses_a_host_that_is_too_small)
{
    trustee_host small = host;
    small.size = 64;
    void *none = NULL;
    cr_assert_eq(plugin->init(&small, NULL, &none), TRUSTEE_E_INVAL);
}

Test(rego, evaluates_claims_against_reference_values)
{
    trustee_policy_info info = {.size = sizeof info};
    void *policy = compile("package policy\n"
                           "default allow := false\n"
                           "allow if input.tpm.pcr11 in query_reference_value(\"tpm_pcr11\")\n",
                           &info);
    cr_assert(says(info.reads, "tpm") && info.flags == 0);
    cr_assert_eq(evaluate(policy), TRUSTEE_OK);
    cr_assert_eq(written_truth, 1);
    rego->release(instance, policy);
}

Test(rego, hands_the_callers_clock_to_the_policy)
{
    trustee_policy_info info = {.size = sizeof info};
    void *policy = compile("package policy\nallow := time.now_ns()\n", &info);
    cr_assert_eq(info.flags, TRUSTEE_POLICY_IMPURE);
    cr_assert_eq(evaluate(policy), TRUSTEE_OK);
    cr_assert_eq(written, INT64_C(1700000000000000000));
    rego->release(instance, policy);
}

Test(rego, says_why_a_policy_failed)
{
    trustee_policy_info info = {.size = sizeof info};
    void *policy = compile("package policy\nallow := 1 / 0\n", &info);
    cr_assert_eq(evaluate(policy), TRUSTEE_REJECT);
    cr_assert_str_eq(reason, "rego.evaluate");
    rego->release(instance, policy);
}

Test(rego, says_where_a_text_is_wrong_within_the_room_given)
{
    uint8_t room[8];
    memset(room, '.', sizeof room);
    void *policy = NULL;
    trustee_policy_info info = {.size = sizeof info};
    trustee_policy_error error = {.size = sizeof error, .room = room, .capacity = 4};
    const char *text = "package policy\nallow if {\n\thttp.send({})\n}\n";
    cr_assert_eq(rego->compile(instance, text_of("test"), text_of(text), &policy, &info, &error), TRUSTEE_REJECT);
    cr_assert(policy == NULL && error.line == 3 && error.column == 2 && error.length == 4);
    cr_assert(memcmp(room, "`htt....", 8) == 0);
}
