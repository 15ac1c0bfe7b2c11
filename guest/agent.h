/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent does for its workload, whichever way it is asked. All functions may be called from several threads;
 * those that want a token at the same time share one handshake.
 */
#ifndef GUEST_AGENT_H
#define GUEST_AGENT_H

#include "guest/handshake.h"

struct agent;

/* Chooses the attester. The settings live as long as the agent. */
MUST_CHECK result agent_new(const struct settings *s, struct agent **out, struct failure *why);
void agent_free(struct agent *a);
/* Ends what is under way; calls made afterwards fail. */
void agent_stop(struct agent *a);
const struct settings *agent_settings(const struct agent *a);
const char *agent_tee(const struct agent *a);

/* "repo/type/tag": three segments of letters, digits, '-', '_' and '.', none of them "." or "..". */
bool resource_path_valid(slice path);
/* The plaintext of a resource, in the secret arena. Attests where there is no token, and once again where the service
 * does not take the token that is there. */
MUST_CHECK result agent_resource(struct agent *a, slice path, struct kbs_memory memory, slice *plaintext,
                                 struct failure *why);
/* {"token":…,"tee_keypair":…} in the secret arena: it holds the private key. */
MUST_CHECK result agent_token(struct agent *a, struct kbs_memory memory, slice *out, struct failure *why);
/* Evidence for this very report data, with no handshake. */
MUST_CHECK result agent_evidence(struct agent *a, slice report_data, struct arena *arena, slice *out,
                                 struct failure *why);

#endif
