/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server for the workload: loopback, one thread that reads and writes, pool threads that wait for the service.
 */
#ifndef GUEST_SERVER_H
#define GUEST_SERVER_H

#include "guest/agent.h"

/* Serves until SIGTERM or SIGINT, which stay blocked in the calling thread. AGENT_CONFIG with `why` filled when the
 * address cannot be listened on. */
MUST_CHECK result server_run(struct agent *a, struct failure *why);

#endif
