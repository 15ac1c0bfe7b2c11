/* SPDX-License-Identifier: Apache-2.0
 *
 * The descriptor of a plugin: the one thing that its shared object exports.
 *
 *     TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);
 *
 * The function takes nothing, changes nothing and needs no host: it can be called on any file just to look at it.
 * The ABI's major version is part of its name.
 *
 * Life cycle, all on the main thread with nothing else running in the plugin:
 *     describe -> init -> self_test -> [calls of the interfaces, reload] -> fini
 */
#ifndef TRUSTEE_PLUGIN_H
#define TRUSTEE_PLUGIN_H

#include <trustee/abi.h>
#include <trustee/host.h>

#ifdef __cplusplus
extern "C" {
#define TRUSTEE_PLUGIN_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define TRUSTEE_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

#define TRUSTEE_PLUGIN_MAGIC UINT64_C(0x474c505453555254) /* "TRUSTPLG" in memory, little endian */
#define TRUSTEE_PLUGIN_SYMBOL "trustee_plugin_describe_v1"

/* An option of the plugin's INI section. The service refuses unknown ones, checks type and presence, prints them with
 * --help-plugin and generates the reference page from them. */
typedef struct trustee_option {
    trustee_slice name;
    trustee_slice help;     /* one line */
    trustee_slice fallback; /* the default as it would stand in the INI; absent: none */
    uint32_t type;          /* TRUSTEE_OPTION_… */
    uint32_t flags;         /* TRUSTEE_OPTION_REQUIRED | … */
    uint64_t min, max;      /* of numbers (both 0: any), and of sizes and durations in bytes and seconds */
    /* The one value that a service with profile = restricted takes, and its default there; absent: any value goes. For
     * options of which another value weakens a check; those whose name begins with allow_ need it not. */
    trustee_slice restricted;
} trustee_option;

#define TRUSTEE_OPTION_TEXT 0u
#define TRUSTEE_OPTION_BOOL 1u     /* yes or no */
#define TRUSTEE_OPTION_NUMBER 2u   /* decimal, unsigned */
#define TRUSTEE_OPTION_SIZE 3u     /* bytes, with an optional suffix KiB, MiB or GiB */
#define TRUSTEE_OPTION_DURATION 4u /* seconds, with an optional suffix s, m, h or d */
#define TRUSTEE_OPTION_PATH 5u     /* an absolute path */
#define TRUSTEE_OPTION_FILE 6u     /* an absolute path whose content the service reads and hands over */
#define TRUSTEE_OPTION_REQUIRED 1u
#define TRUSTEE_OPTION_MANY 2u   /* may stand several times */
#define TRUSTEE_OPTION_SECRET 4u /* never shown */

/* A reason for which this plugin refuses. Ids are dotted, begin with the plugin's name, and are for ever. */
typedef struct trustee_reason {
    trustee_slice id;
    trustee_slice text;   /* what it means, one line */
    trustee_slice remedy; /* what an operator can do, one line */
} trustee_reason;

/* What the plugin implements. */
typedef struct trustee_interface {
    trustee_slice kind; /* "verifier", "policy" or "storage" */
    uint32_t major;     /* of that interface */
    uint32_t reserved;
    const void *vtable; /* trustee_verifier, trustee_policy or trustee_storage */
} trustee_interface;

/* How many calls may run at once in one plugin. */
#define TRUSTEE_THREADS_SERIAL 0u   /* one at a time: the host waits */
#define TRUSTEE_THREADS_PARALLEL 1u /* any number on one instance */

/* Flags. The host refuses a plugin that requires a flag which it does not know; unknown optional ones are ignored. */
#define TRUSTEE_PLUGIN_INSECURE UINT64_C(1) /* required: proves nothing; refused without allow_insecure = yes */

typedef struct trustee_plugin {
    uint32_t size;
    uint32_t abi_minor;
    uint64_t magic;
    uint64_t flags_required;
    uint64_t flags_optional;
    uint32_t thread_model; /* TRUSTEE_THREADS_… */
    uint32_t reserved;
    trustee_slice name; /* [a-z][a-z0-9-]{0,31}, unique in a service */
    trustee_slice version;
    trustee_slice vendor;
    trustee_slice license; /* an SPDX expression */
    trustee_slice description;
    trustee_slice url;
    const trustee_option *options;
    uint32_t option_size; /* sizeof(trustee_option) */
    uint32_t option_count;
    const trustee_reason *reasons;
    uint32_t reason_size;
    uint32_t reason_count;
    const trustee_interface *interfaces;
    uint32_t interface_size;
    uint32_t interface_count;

    /* Makes an instance. `host` and everything reachable from it stays valid until fini() returned. On failure log why
     * and return an error: nothing else is called then. */
    trustee_status (*init)(const trustee_host *host, const trustee_conf *conf, void **instance);
    void (*fini)(void *instance);
    /* Takes changed options over, wholly or not at all. NULL: the service makes a second instance instead. */
    trustee_status (*reload)(void *instance, const trustee_conf *conf);
    /* Known-answer test, run once before the first request. NULL: none. */
    trustee_status (*self_test)(void *instance);
} trustee_plugin;

typedef const trustee_plugin *(*trustee_plugin_describe_fn)(void);

#ifdef __cplusplus
}
#endif
#endif
