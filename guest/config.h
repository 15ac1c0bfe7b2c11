/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's settings. Where one is given more than once, the order is: command line, environment, configuration file,
 * kernel command line (aa_kbc_params only), default.
 */
#ifndef GUEST_CONFIG_H
#define GUEST_CONFIG_H

#include "guest/attester/attester.h"
#include "guest/init_data.h"

enum agent_feature { FEATURE_RESOURCE = 1, FEATURE_ATTESTATION = 2 };

enum agent_mode {
    MODE_SERVE,
    MODE_ONCE,     /* --once PATH */
    MODE_EVIDENCE, /* --evidence-only HEX */
    MODE_HELP,
    MODE_VERSION,
};

struct settings {
    enum agent_mode mode;
    slice once_path;     /* "repo/type/tag" */
    slice evidence_data; /* decoded report data of --evidence-only */

    slice url;                /* of the service, without trailing slash */
    const char *listen_host;  /* numeric loopback address */
    uint16_t listen_port;     /* 0: any free one */
    unsigned features;        /* FEATURE_… or-ed */
    const char *feature_name; /* as it was given */
    slice tee;                /* value of --tee */
    slice key_algorithm;
    slice ca_pem; /* certificates to trust for the service; empty: the system's */
    struct init_data init_data;
    unsigned timeout_s; /* for one request of the workload, everything included */
    struct attester_options attester;
};

/* Where the settings come from, besides argv; tests put in their own. */
struct config_sources {
    const char *(*environment)(const char *name); /* as getenv */
    const char *cmdline_file;                     /* /proc/cmdline */
};

/* Reads all sources into `out`; everything lives in the arena or in argv. AGENT_CONFIG with `why` filled. */
MUST_CHECK result config_load(int argc, char **argv, const struct config_sources *from, struct arena *a,
                              struct settings *out, struct failure *why);
/* "127.0.0.1:8006" or "[::1]:8006"; loopback addresses only. */
MUST_CHECK result config_listen(slice value, struct arena *a, struct settings *out, struct failure *why);
/* Whether a numeric address is IPv4's 127.0.0.0/8, ::1, or the former mapped into IPv6. */
bool address_is_loopback(slice address);
/* The text of --help. */
extern const char CONFIG_HELP[];

#endif
