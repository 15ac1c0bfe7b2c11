/* SPDX-License-Identifier: Apache-2.0 */
/* A policy engine that does what the policy says. */
#include <string.h>
#include <trustee/policy.h>

#define T(literal) ((trustee_slice)TRUSTEE_TEXT(literal))

static const trustee_host *host;
static const char *const words[] = {"true", "unasked", "double", "unclosed", "slow", "faulty", "null", "odd"};
static unsigned released;

static int is(trustee_slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static trustee_status refuse(trustee_policy_error *error)
{
    const char text[] = "rule is\nnot closed \xff";
    error->line = 3;
    error->column = 7;
    error->length = sizeof text - 1;
    memcpy(error->room, text, sizeof text - 1);
    return TRUSTEE_REJECT;
}

static trustee_status compile(void *instance, trustee_slice name, trustee_slice text, void **policy,
                              trustee_policy_info *info, trustee_policy_error *error)
{
    (void)instance;
    (void)name;
    info->flags = TRUSTEE_POLICY_IMPURE;
    if (is(text, "null"))
        return TRUSTEE_OK;
    if (is(text, "endless"))
        return TRUSTEE_E_LIMIT;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is(text, words[i])) {
            memcpy(policy, &words[i], sizeof *policy);
            return TRUSTEE_OK;
        }
    return refuse(error);
}

static void release(void *instance, void *policy)
{
    (void)instance;
    (void)policy;
    released++;
}

static trustee_status evaluate(void *instance, trustee_request *req, void *policy, const trustee_policy_in *in,
                               trustee_writer *out)
{
    const char *word = policy;
    (void)instance;
    (void)req;
    if (strcmp(word, "slow") == 0)
        return TRUSTEE_E_LIMIT;
    if (strcmp(word, "faulty") == 0)
        return TRUSTEE_E_INTERNAL;
    if (strcmp(word, "odd") == 0)
        return TRUSTEE_REJECT;
    if (strcmp(word, "unclosed") == 0) {
        host->put_object(out, in->rules[0]);
        return TRUSTEE_OK;
    }
    if (strcmp(word, "unasked") == 0)
        host->put_bool(out, T("surprise"), 1);
    host->put_bool(out, in->rules[0], 1);
    if (strcmp(word, "double") == 0)
        host->put_bool(out, in->rules[0], 0);
    return TRUSTEE_OK;
}

static trustee_status init(const trustee_host *given, const trustee_conf *conf, void **instance)
{
    (void)conf;
    (void)instance;
    host = given;
    return TRUSTEE_OK;
}

static void fini(void *instance)
{
    (void)instance;
}

static const trustee_policy policy = {.size = sizeof(trustee_policy),
                                      .language = TRUSTEE_TEXT("words"),
                                      .suffix = TRUSTEE_TEXT(".words"),
                                      .compile = compile,
                                      .release = release,
                                      .evaluate = evaluate};
static const trustee_interface interfaces[] = {
    {TRUSTEE_TEXT("fortune-telling"), 9, 0, NULL}, /* a kind that no service knows is ignored */
    {TRUSTEE_TEXT("policy"), TRUSTEE_POLICY_MAJOR, 0, &policy},
};
static const trustee_plugin plugin = {
    .size = sizeof(trustee_plugin),
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("oracle"),
    .version = TRUSTEE_TEXT("1"),
    .interfaces = interfaces,
    .interface_size = sizeof(trustee_interface),
    .interface_count = 2,
    .init = init,
    .fini = fini,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);
const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &plugin;
}
