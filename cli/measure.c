/* SPDX-License-Identifier: Apache-2.0
 *
 * What a guest's registers will hold, computed from its parts, as the file that "reference-value set --file" takes.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/measure/firmware.h"
#include "lib/measure/kernel.h"
#include "lib/measure/snp.h"
#include "lib/measure/tdx.h"

#define KERNEL_SIZE_MAX (128u << 20)
#define INITRD_SIZE_MAX (512u << 20)
/* All files and a copy of the kernel; what is not written to costs nothing. */
#define ROOM (FIRMWARE_SIZE_MAX + 2 * (size_t)KERNEL_SIZE_MAX + INITRD_SIZE_MAX + (1u << 20))
#define MEMORY_DEFAULT (UINT64_C(4) << 30)

struct parts {
    struct cli *cli;
    struct arena room;
    bool direct; /* with a kernel */
    slice firmware, kernel, initrd, command_line;
    struct text out;
};

static int failed(result r)
{
    return say(EXIT_REFUSED, "%s; %s", reason_text((enum reason)r.reason), reason_remedy((enum reason)r.reason));
}

/* --- options --- */

/* Decimal, or hexadecimal with 0x; with a unit of K, M or G (of 1024) where `units`. */
static bool number_of(const char *text, bool units, uint64_t *out)
{
    static const char UNITS[] = "KMG";
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    if (errno || end == text || *text == '-' || *text == '+' || *text == ' ')
        return false;
    const char *unit = units && *end ? strchr(UNITS, *end) : NULL;
    if (!unit)
        return *end == 0;
    unsigned shift = 10 * (unsigned)(unit - UNITS + 1);
    bool fits = end[1] == 0 && *out <= UINT64_MAX >> shift;
    *out <<= shift;
    return fits;
}

static int take_number(struct cli *c, const char *name, bool units, uint64_t least, uint64_t most, uint64_t *number)
{
    const char *text = take_option(c, name);
    if (!text)
        return 0;
    if (number_of(text, units, number) && *number >= least && *number <= most)
        return 0;
    return say(EXIT_USAGE, "%s %s: expected a number from %llu to %llu%s", name, text, (unsigned long long)least,
               (unsigned long long)most, units ? ", with K, M or G if you like" : "");
}

static bool read_part(struct parts *p, const char *name, size_t limit, slice *out)
{
    const char *file = take_option(p->cli, name);
    return !file || read_input(file, limit, &p->room, out);
}

static int read_parts(struct parts *p)
{
    const char *command_line = take_option(p->cli, "--command-line");
    p->command_line = slice_text(command_line ? command_line : "");
    if (!read_part(p, "--firmware", FIRMWARE_SIZE_MAX, &p->firmware) ||
        !read_part(p, "--kernel", KERNEL_SIZE_MAX, &p->kernel) ||
        !read_part(p, "--initrd", INITRD_SIZE_MAX, &p->initrd))
        return EXIT_REFUSED;
    p->direct = p->kernel.ptr != NULL;
    if (!p->firmware.ptr)
        return say(EXIT_USAGE, "--firmware FILE is wanted: the image of OVMF that the guest is started with");
    if (!p->direct && (p->initrd.ptr || command_line))
        return say(EXIT_USAGE, "--initrd and --command-line go with --kernel FILE, as in QEMU");
    return 0;
}

/* --- the file --- */

static void begin_file(struct parts *p)
{
    p->out = text_begin(&p->cli->arena);
    text_lit(&p->out, "{");
}

static void put_value(struct parts *p, slice name, slice digest, bool single)
{
    text_add(&p->out, p->cli->arena.used - p->out.start > 1 ? S(",\n  ") : S("\n  "));
    text_json(&p->out, name);
    text_add(&p->out, single ? S(": \"") : S(": [\""));
    text_hex(&p->out, digest);
    text_add(&p->out, single ? S("\"") : S("\"]"));
}

static int end_file(struct parts *p)
{
    text_lit(&p->out, "\n}\n");
    slice file = text_end(&p->out);
    if (!file.ptr)
        return say(EXIT_REFUSED, "out of memory");
    fwrite(file.ptr, 1, file.len, stdout);
    return 0;
}

/* --- SEV-SNP --- */

static int take_model(struct cli *c, uint32_t *signature)
{
    const char *model = take_option(c, "--vcpu-type");
    uint64_t number = 0;
    int code = take_number(c, "--vcpu-signature", false, 1, UINT32_MAX, &number);
    if (code)
        return code;
    *signature = (uint32_t)number;
    if (model && number)
        return say(EXIT_USAGE, "--vcpu-type or --vcpu-signature, not both");
    if (model && !snp_signature_of(slice_text(model), signature))
        return say(EXIT_USAGE,
                   "--vcpu-type %s is not known; known are EPYC, EPYC-IBPB, EPYC-Rome, EPYC-Milan, "
                   "EPYC-Genoa and EPYC-Turin; for others say --vcpu-signature",
                   model);
    if (!model && !number)
        return say(EXIT_USAGE, "--vcpu-type MODEL is wanted, as QEMU's -cpu has it");
    return 0;
}

static int measure_snp(struct parts *p)
{
    uint64_t processors = 1, features = 1;
    uint8_t digest[SNP_DIGEST_SIZE];
    struct snp_guest guest = {0};
    int code = take_number(p->cli, "--vcpus", false, 1, SNP_PROCESSORS_MAX, &processors);
    if (!code)
        code = take_number(p->cli, "--guest-features", false, 1, UINT64_MAX, &features);
    if (!code)
        code = take_model(p->cli, &guest.signature);
    if (!code)
        code = read_parts(p);
    if (code)
        return code;
    if (p->cli->argc)
        return say(EXIT_USAGE, "measure snp knows nothing of '%s'", p->cli->argv[0]);
    guest.firmware = p->firmware;
    guest.direct = p->direct;
    guest.kernel = p->kernel;
    guest.initrd = p->initrd;
    guest.command_line = p->command_line;
    guest.processors = (uint32_t)processors;
    guest.features = features;
    result r = snp_launch_digest(&guest, digest);
    if (FAILED(r))
        return failed(r);
    begin_file(p);
    put_value(p, S("snp_launch_measurement"), slice_of(digest, sizeof digest), false);
    return end_file(p);
}

/* --- TDX --- */

struct td_options {
    bool two_passes, separator_before, patched;
    uint64_t memory;
};

static int take_td_options(struct cli *c, struct td_options *o)
{
    const char *header = take_option(c, "--kernel-header");
    *o = (struct td_options){.memory = MEMORY_DEFAULT, .patched = true};
    o->two_passes = take_flag(c, "--two-passes");
    o->separator_before = take_flag(c, "--separator-before");
    if (header && strcmp(header, "patched") != 0 && strcmp(header, "as-is") != 0)
        return say(EXIT_USAGE, "--kernel-header %s: expected patched or as-is", header);
    o->patched = !header || strcmp(header, "patched") == 0;
    return take_number(c, "--memory", true, UINT64_C(1) << 20, UINT64_C(1) << 46, &o->memory);
}

/* The kernel as the firmware reads it. */
static result kernel_as_read(struct parts *p, const struct td_options *o, slice *out)
{
    *out = p->kernel;
    if (!o->patched)
        return OK;
    ENSURE(p->kernel.len >= SETUP_HEADER_SIZE, MEASURE_KERNEL);
    uint8_t *copy = arena_alloc(&p->room, p->kernel.len, 1);
    ENSURE(copy, NO_MEMORY);
    memcpy(copy, p->kernel.ptr, p->kernel.len);
    *out = slice_of(copy, p->kernel.len);
    return kernel_patch(copy, p->command_line, p->initrd.len, o->memory);
}

static result measure_boot(struct parts *p, const struct td_options *o)
{
    struct tdx_boot boot = {
        .initrd = p->initrd, .command_line = p->command_line, .separator_before = o->separator_before};
    struct tdx_measurement m;
    TRY(kernel_as_read(p, o, &boot.kernel));
    TRY(tdx_measure_boot(&boot, &m));
    put_value(p, S("rtmr_1"), slice_of(m.rtmr_1, sizeof m.rtmr_1), false);
    put_value(p, S("rtmr_2"), slice_of(m.rtmr_2, sizeof m.rtmr_2), false);
    put_value(p, S("tdvfkernel"), slice_of(m.kernel, sizeof m.kernel), true);
    put_value(p, S("tdvfkernelparams"), slice_of(m.parameters, sizeof m.parameters), true);
    return OK;
}

static int measure_tdx(struct parts *p)
{
    struct td_options o;
    uint8_t mrtd[TDX_DIGEST_SIZE];
    int code = take_td_options(p->cli, &o);
    if (!code)
        code = read_parts(p);
    if (code)
        return code;
    if (p->cli->argc)
        return say(EXIT_USAGE, "measure tdx knows nothing of '%s'", p->cli->argv[0]);
    result r = tdx_mrtd(p->firmware, o.two_passes, mrtd);
    begin_file(p);
    if (!FAILED(r))
        put_value(p, S("mr_td"), slice_of(mrtd, sizeof mrtd), false);
    if (!FAILED(r) && p->direct)
        r = measure_boot(p, &o);
    return FAILED(r) ? failed(r) : end_file(p);
}

/* --- commands --- */

static int with_room(struct cli *c, int measure(struct parts *p))
{
    struct parts p = {.cli = c};
    if (FAILED(arena_map(&p.room, ROOM, ARENA_PLAIN)))
        return say(EXIT_REFUSED, "out of memory");
    int code = measure(&p);
    arena_unmap(&p.room);
    return code;
}

int cmd_measure_snp(struct cli *c)
{
    return with_room(c, measure_snp);
}

int cmd_measure_tdx(struct cli *c)
{
    return with_room(c, measure_tdx);
}
