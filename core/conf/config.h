/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's own options. The tables in config.c are the only list of them: they check the INI, fill these structs,
 * and print --help-config and docs/configuration.md.
 */
#ifndef CORE_CONF_CONFIG_H
#define CORE_CONF_CONFIG_H

#include "core/collateral/settings.h"

enum profile { PROFILE_STANDARD, PROFILE_RESTRICTED };
enum compat_status { STATUS_OWN, STATUS_UPSTREAM };

struct service_config {
    unsigned profile;   /* enum profile */
    unsigned log_level; /* enum log_level */
    uint64_t workers;
    unsigned compat_status; /* enum compat_status */
    slice pid_file;
};

struct http_config {
    struct bind_list listen;
    bool tls;
    slice certificate, private_key;
    uint64_t head_limit, body_limit, slots, connections, headers;
    uint64_t head_timeout, body_timeout, handshake_timeout, idle_timeout, write_timeout;
};

struct session_config {
    uint64_t challenge_life, capacity, token_memory;
    struct bind_list key_files;
};

struct token_config {
    slice signing_key, certificate_chain, certificate_url, issuer, developer, build, profile;
    uint64_t life, leeway;
    bool verbose, insecure_header_jwk;
};

struct admin_config {
    bool allow_unauthenticated;
};

struct release_config {
    bool require_binding, allow_rsa1_5;
};

struct plugins_config {
    slice directory;
    bool allow_insecure;
};

struct storage_config {
    slice use;
};

struct policy_config {
    slice use;
    uint64_t timeout;
};

struct records_config {
    uint64_t memory;
};

#define CONFIG_PLUGIN_SWITCHES_MAX 16

struct config {
    struct ini ini;
    slice notes; /* lines: what a converted configuration of upstream's leaves out or does otherwise */
    struct arena arena;
    struct service_config service;
    struct http_config http;
    struct session_config session;
    struct token_config token;
    struct admin_config admin;
    struct release_config release;
    struct plugins_config plugins;
    struct storage_config storage;
    struct policy_config policy;
    struct records_config records;
    struct collateral_settings collateral;
    const char *plugin_switches[CONFIG_PLUGIN_SWITCHES_MAX]; /* "plugin.tdx.allow_debug" */
    size_t plugin_switch_count;
};

/* Reads a file, an INI or one of upstream's (upstream.h), and fills everything but the sections of plugins, administrators, roles and bindings, whose readers are
 * elsewhere. CONFIG_SYNTAX, CONFIG_VALUE with "file:line:column: …" in `error`. */
MUST_CHECK result config_read(const char *file, struct config *out, char *error, size_t error_size);
void config_free(struct config *c);
/* Refuses sections that nobody has read. Call it when every reader is through. */
MUST_CHECK result config_finish(struct config *c, char *error, size_t error_size);
/* Names of the switches that are on and weaken a check or change upstream's behaviour: the service's own, and every
 * option of a plugin that begins with allow_ or compat_. Texts live as long as the configuration. */
#define CONFIG_SWITCHES_MAX (8 + CONFIG_PLUGIN_SWITCHES_MAX)
size_t config_switches(const struct config *c, const char *names[CONFIG_SWITCHES_MAX]);
/* Everything as a commented INI, or as Markdown. */
void config_help(FILE *out);
void config_reference(FILE *out);
void config_man(FILE *out); /* sections of trusteed.ini(5) */

#endif
