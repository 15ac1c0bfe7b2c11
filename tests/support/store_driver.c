/* SPDX-License-Identifier: Apache-2.0
 *
 * One operation on the storage plugin `file`, as a process of its own, to be killed or starved by a test:
 *
 *     store_driver DIRECTORY put KEY LETTER SIZE | del KEY | get KEY | open
 *
 * The value that put writes is LETTER, SIZE times; get prints "LETTER SIZE". Exit code: 0, 2 for a refused init, or 16
 * plus the status for NOT_FOUND and the like, 32 plus its negative for a fault.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/store_host.h"

#define ROOM_SIZE (1u << 22)

const trustee_plugin *trustee_plugin_describe_v1(void);

static uint8_t room[ROOM_SIZE];

static trustee_status put(struct store_host *h, slice key, const char *letter, const char *size)
{
    uint64_t n = 0;
    if (!slice_u64(slice_text(size), &n) || n > sizeof room)
        return TRUSTEE_E_INVAL;
    memset(room, letter[0], n);
    return host_put(h, "repository", key, slice_of(room, n), 0);
}

static trustee_status get(struct store_host *h, slice key)
{
    static struct answer a;
    a = (struct answer){.room = room, .limit = sizeof room};
    host_get(h, "repository", key, &a);
    if (a.status == TRUSTEE_OK)
        printf("%c %zu\n", a.size ? room[0] : '-', a.size);
    return a.status;
}

static trustee_status run(struct store_host *h, int count, char **arguments)
{
    slice command = slice_text(arguments[2]), key = slice_text(count > 3 ? arguments[3] : NULL);
    if (slice_equal(command, S("put")) && count == 6)
        return put(h, key, arguments[4], arguments[5]);
    if (slice_equal(command, S("del")) && count == 4)
        return host_del(h, "repository", key);
    if (slice_equal(command, S("get")) && count == 4)
        return get(h, key);
    return slice_equal(command, S("open")) ? TRUSTEE_OK : TRUSTEE_E_INVAL;
}

int main(int count, char **arguments)
{
    static struct store_host host;
    if (count < 3)
        return 1;
    store_host_begin(&host, arguments[1]);
    trustee_status status = store_host_open(&host, trustee_plugin_describe_v1());
    if (status != TRUSTEE_OK) {
        fprintf(stderr, "%s", host.log);
        return 2;
    }
    status = run(&host, count, arguments);
    store_host_close(&host);
    return status == TRUSTEE_OK ? 0 : status > 0 ? 16 + status : 32 - status;
}
