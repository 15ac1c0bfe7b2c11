/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into the daemon under valgrind 3.19, which does not know openat2: opens without the kernel's guard against
 * symlinks. For measuring alone.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long v[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        v[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2) {
        const struct open_how *how = (const struct open_how *)(uintptr_t)v[2];
        return openat((int)v[0], (const char *)(uintptr_t)v[1], (int)how->flags, (mode_t)how->mode);
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    return real(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}
