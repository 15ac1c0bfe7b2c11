/* SPDX-License-Identifier: Apache-2.0
 *
 * trusteed: the command line, the listeners and the end.
 */
#include <errno.h>
#include <getopt.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/api/api.h"
#include "core/api/reasons.h"
#include "core/clock/clock.h"
#include "core/log/log.h"
#include "core/net/tls.h"
#include "core/policy/trial.h"
#include "core/service.h"

#define LISTENERS_MAX 16
#define GRACE_MS 5000u
#define EXIT_USAGE 2
#define EXPIRY_WARNING (14 * 86400)
#define CONFIG_DEFAULT "/etc/trustee/trusteed.ini"

enum action {
    RUN,
    CHECK_CONFIG,
    DUMP_PLUGIN,
    HELP_PLUGIN,
    HELP_CONFIG,
    REFERENCE,
    MAN,
    REASONS,
    TRY_POLICY,
    DUMP_ROUTES,
    VERSION,
    HELP
};

struct command {
    enum action action;
    const char *config_file, *argument;
    bool config_named; /* by --config */
};

static void usage(FILE *out)
{
    fputs("trusteed " TRUSTEE_VERSION " - verifies that workloads run in genuine TEEs and releases secrets to them\n\n"
          "  trusteed [--config FILE]            serve (default " CONFIG_DEFAULT ")\n"
          "                                      FILE is an INI, or upstream's kbs-config as TOML or JSON;\n"
          "                                      -c and --config-file are the same, KBS_CONFIG_FILE is, too\n"
          "  trusteed --check-config [--config FILE]\n"
          "                                      read everything, load all plugins, serve nothing\n"
          "  trusteed --help-config              every option of the INI with its default\n"
          "  trusteed --help-plugin NAME [--config FILE]\n"
          "                                      a plugin's options, TEEs and reasons\n"
          "  trusteed --dump-plugin FILE         what a plugin's file says of itself, as JSON\n"
          "  trusteed --version | --help\n\n"
          "To begin:\n"
          "  trusteectl init ./trustee           makes keys, folders and an INI\n"
          "  trusteed --config ./trustee/trusteed.ini\n\n"
          "SIGINT and SIGTERM let requests in flight end, a second one ends at once. Exit codes: 0 ended as asked,\n"
          "1 the configuration cannot be used (the message says where and what to do), 2 wrong use.\n",
          out);
}

/* Says what is wrong with the word that getopt stopped at. */
static int wrong_option(const char *word, const struct option *options)
{
    slice names[16], near = NO_SLICE, given = slice_text(word);
    size_t count = 0;
    while (options[count].name && count < sizeof names / sizeof *names) {
        names[count] = slice_text(options[count].name);
        if (slice_starts(given, S("--")) && slice_equal(slice_sub(given, 2, given.len), names[count])) {
            fprintf(stderr, "trusteed: %s takes a value; see trusteed --help\n", word);
            return EXIT_USAGE;
        }
        count++;
    }
    if (slice_starts(given, S("--")))
        near = ini_nearest(slice_sub(given, 2, given.len), names, count);
    if (near.len)
        fprintf(stderr, "trusteed: unknown option '%s' (did you mean '--%.*s'?)\n", word, SLICE_ARG(near));
    else
        fprintf(stderr, "trusteed: unknown option '%s'; see trusteed --help\n", word);
    return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct command *c)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"config-file", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"dump-plugin", required_argument, NULL, 'd'},
        {"help-plugin", required_argument, NULL, 'p'},
        {"help-config", no_argument, NULL, 'o'},
        {"config-reference", no_argument, NULL, 'r'},
        {"config-man", no_argument, NULL, 'm'},
        {"reasons-reference", required_argument, NULL, 'R'},
        {"try-policy", no_argument, NULL, 't'},
        {"dump-routes", no_argument, NULL, 'u'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const struct {
        int letter;
        enum action action;
    } actions[] = {{'k', CHECK_CONFIG}, {'d', DUMP_PLUGIN}, {'p', HELP_PLUGIN}, {'o', HELP_CONFIG},
                   {'r', REFERENCE},    {'m', MAN},         {'R', REASONS},     {'t', TRY_POLICY},
                   {'u', DUMP_ROUTES},  {'V', VERSION},     {'h', HELP}};
    int letter;
    const char *named = getenv("KBS_CONFIG_FILE"); /* as upstream's server has it */
    *c = (struct command){RUN, named ? named : CONFIG_DEFAULT, NULL, named != NULL};
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        if (letter == '?')
            return wrong_option(argv[optind - 1], options);
        if (letter == 'c') {
            c->config_file = optarg;
            c->config_named = true;
        }
        for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
            if (actions[i].letter == letter) {
                c->action = actions[i].action;
                c->argument = optarg;
            }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "trusteed: unexpected '%s'; see trusteed --help\n", argv[optind]);
    return EXIT_USAGE;
}

static int complain(const char *error)
{
    fprintf(stderr, "trusteed: %s\n", error);
    return EXIT_FAILURE;
}

/* No core files with secrets, no death by a closed pipe or a full quota: the write fails, and that is handled. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

/* "127.0.0.1:8080", "[::1]:8080" */
static result parse_listen(slice text, struct arena *a, struct http_listener *out, char *error, size_t error_size)
{
    size_t colon = text.len;
    uint64_t port;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    slice address = slice_sub(text, 0, colon ? colon - 1 : 0);
    bool good = colon > 1 && slice_u64(slice_sub(text, colon, text.len), &port) && port <= 65535;
    slice copy = arena_printf(a, "%.*s", SLICE_ARG(address));
    if (!good || !copy.ptr || !http_address_is_numeric((const char *)copy.ptr)) {
        snprintf(error, error_size,
                 "[http] listen = %.*s: expected a numeric address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or "
                 "[::]:8080",
                 SLICE_ARG(text));
        return FAIL(CONFIG_VALUE);
    }
    *out = (struct http_listener){.address = (const char *)copy.ptr, .port = (uint16_t)port};
    return OK;
}

static void observe(struct http_exchange *x, unsigned status, size_t bytes, uint64_t duration_ns)
{
    metrics_request(service_of(x)->metrics, duration_ns, x->request.body.len, bytes);
    log_debug("http", "%.*s %.*s %u %zu bytes", SLICE_ARG(x->request.peer), SLICE_ARG(x->request.path), status, bytes);
}

static void connections_changed(void *service, int delta)
{
    metrics_connections(((struct service *)service)->metrics, delta);
}

static struct http_settings server_settings(const struct config *c, const struct http_listener *listeners,
                                            size_t listener_count)
{
    size_t body = (size_t)c->http.body_limit;
    return (struct http_settings){
        .listeners = listeners,
        .listener_count = listener_count,
        .workers = (unsigned)c->service.workers,
        .slots = (unsigned)c->http.slots,
        .secrets = 4,
        .head_limit = (size_t)c->http.head_limit,
        .body_limit = body,
        .scratch_size = 16 * body + (8u << 20),
        .write_limit = 8 * body,
        .header_count_limit = (unsigned)c->http.headers,
        .connections = (unsigned)c->http.connections,
        .head_timeout_ms = (unsigned)c->http.head_timeout * 1000,
        .body_timeout_ms = (unsigned)c->http.body_timeout * 1000,
        .handshake_timeout_ms = (unsigned)c->http.handshake_timeout * 1000,
        .idle_timeout_ms = (unsigned)c->http.idle_timeout * 1000,
        .write_timeout_ms = (unsigned)c->http.write_timeout * 1000,
        .routes = API_ROUTES,
        .route_count = API_ROUTE_COUNT,
        .fallback = api_fallback,
        .authorize = api_authorize,
        .error_body = reply_error_body,
        .observe = observe,
        .connections_changed = connections_changed,
    };
}

static void say_listening(const struct config *c, struct http_server *server, const struct http_listener *listeners,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        log_info("http", "serving %s://%s:%u", c->http.tls ? "https" : "http", listeners[i].address,
                 http_server_port(server, i));
}

static void write_pid_file(slice path, char *name, size_t size)
{
    snprintf(name, size, "%.*s", SLICE_ARG(path));
    FILE *f = path.len ? fopen(name, "we") : NULL;
    if (f && fprintf(f, "%d\n", (int)getpid()) > 0 && fclose(f) == 0)
        return;
    if (path.len)
        log_warn("service", "[service] pid_file = %s cannot be written: %s", name, strerror(errno));
    *name = 0;
}

static result open_listeners(struct config *c, struct http_listener *listeners, size_t *count, char *error, size_t size)
{
    void *tls = NULL;
    if (c->http.tls) {
        slice certificate = arena_printf(&c->arena, "%.*s", SLICE_ARG(c->http.certificate));
        slice key = arena_printf(&c->arena, "%.*s", SLICE_ARG(c->http.private_key));
        ENSURE(certificate.ptr && key.ptr, NO_MEMORY);
        TRY(tls_server_context((const char *)certificate.ptr, (const char *)key.ptr, &tls, error, size));
        int64_t left = tls_context_expiry(tls) - clock_wall();
        if (left < EXPIRY_WARNING)
            log_warn("http", "%s expires in %lld days; renew it and restart", (const char *)certificate.ptr,
                     (long long)left / 86400);
    }
    if (c->http.listen.count > LISTENERS_MAX) {
        snprintf(error, size, "[http] listen: %d addresses at most", LISTENERS_MAX);
        return FAIL(CONFIG_VALUE);
    }
    for (*count = 0; *count < c->http.listen.count; ++*count) {
        TRY(parse_listen(c->http.listen.items[*count], &c->arena, &listeners[*count], error, size));
        listeners[*count].tls = tls;
    }
    return OK;
}

static void wait_for_end(const sigset_t *ends)
{
    int signal_number = 0;
    while (sigwait(ends, &signal_number) != 0 || signal_number == SIGHUP)
        if (signal_number == SIGHUP)
            log_warn("service", "SIGHUP is ignored: this version takes a changed configuration at a restart only");
    log_info("service", "stopping: requests in flight have %u seconds; a second signal ends at once", GRACE_MS / 1000);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, ends, NULL);
}

/* An object whose code the linker had to write to. */
static bool has_written_code(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; d->d_tag != DT_NULL; d++)
            if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
                return true;
    }
    return false;
}

/* Code is never written to: its pages can be dropped at any time, and come back out of the file's cache when they are
 * used. Most of what ran so far (configuration, linking, self tests, compiling policies) runs once. */
static int give_back_code(struct dl_phdr_info *object, size_t size, void *unused)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size, (void)unused;
    for (size_t i = 0; i < object->dlpi_phnum && !has_written_code(object); i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || part->p_flags & PF_W)
            continue;
        uintptr_t from = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t to = object->dlpi_addr + part->p_vaddr + part->p_memsz;
        (void)madvise((void *)from, to - from, MADV_DONTNEED); /* refused for the kernel's own object: all the same */
    }
    return 0;
}

static void give_back_startup(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(give_back_code, NULL);
}

static int serve(struct config *c, struct service *s, const struct http_listener *listeners, size_t count,
                 const sigset_t *ends)
{
    char error[1024] = "", pid_file[4096];
    struct http_server *server;
    struct http_settings settings = server_settings(c, listeners, count);
    if (FAILED(http_server_start(&settings, s, &server, error, sizeof error)))
        return complain(error);
    say_listening(c, server, listeners, count);
    write_pid_file(c->service.pid_file, pid_file, sizeof pid_file);
    give_back_startup();
    wait_for_end(ends);
    collateral_stop(s->collateral);
    http_server_stop(server, GRACE_MS);
    if (*pid_file)
        unlink(pid_file);
    return EXIT_SUCCESS;
}

/* The daemon's own file, for trying policies in a child of the same program. */
static const char *own_program(char *room, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", room, size - 1);
    if (n <= 0)
        return "/proc/self/exe";
    room[n] = 0;
    return room;
}

static int no_configuration(void)
{
    fputs("trusteed: there is no " CONFIG_DEFAULT ", and no --config FILE was given\n\n"
          "  trusteectl init ./trustee                   makes keys, folders and an INI with secure defaults\n"
          "  trusteed --config ./trustee/trusteed.ini    serves with it\n\n"
          "trusteed --help tells more.\n",
          stderr);
    return EXIT_USAGE;
}

/* What a configuration of upstream's asked for and does not get. */
static void say_notes(slice notes)
{
    slice line;
    while (notes.len && slice_split(&notes, '\n', &line))
        if (line.len)
            log_warn("config", "%.*s", SLICE_ARG(line));
}

static void block_ends(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ends, NULL);
}

static int run(const struct command *command)
{
    struct config c;
    struct service *s;
    sigset_t ends;
    struct http_listener listeners[LISTENERS_MAX];
    size_t count = 0;
    char error[2048] = "", program[4096];
    int code = EXIT_SUCCESS;
    if (!command->config_named && access(CONFIG_DEFAULT, F_OK) != 0)
        return no_configuration();
    harden();
    block_ends(&ends);
    if (FAILED(config_read(command->config_file, &c, error, sizeof error)))
        return complain(error);
    log_set_level((enum log_level)c.service.log_level);
    say_notes(c.notes);
    if (FAILED(service_open(&c, own_program(program, sizeof program), command->config_file, &s, error, sizeof error)))
        return complain(error);
    if (FAILED(open_listeners(&c, listeners, &count, error, sizeof error)))
        code = complain(error);
    else if (command->action == CHECK_CONFIG)
        printf("%s: the configuration is good\n", command->config_file);
    else
        code = serve(&c, s, listeners, count, &ends);
    if (count)
        tls_context_free(listeners[0].tls);
    service_close(s);
    config_free(&c);
    return code;
}

static int try_policy(const struct command *command)
{
    struct config c;
    struct plugins *plugins;
    const struct engine *engine;
    char error[1024] = "";
    signal(SIGXFSZ, SIG_IGN);
    policy_trial_limits();
    log_set_level(LOG_ERROR);
    if (FAILED(config_read(command->config_file, &c, error, sizeof error)) ||
        FAILED(service_engine_only(&c, &plugins, &engine, error, sizeof error))) {
        complain(error);
        return 3;
    }
    int code = policy_trial_main(engine);
    fflush(stdout);
    _exit(code); /* what this process holds goes with it */
}

/* The plugin directory of the configuration where there is one, else the default. */
static struct plugin_settings plugin_settings_of(const struct command *command, struct config *c)
{
    char error[1024];
    struct plugin_settings settings = {.directory = S("/usr/lib/trustee/plugins"), .allow_insecure = true};
    if (!FAILED(config_read(command->config_file, c, error, sizeof error)))
        settings.directory = c->plugins.directory;
    return settings;
}

static int reasons(const struct command *command)
{
    char error[1024] = "";
    return FAILED(reasons_reference(command->argument, stdout, error, sizeof error)) ? complain(error) : EXIT_SUCCESS;
}

static int about_plugin(const struct command *command)
{
    struct config c;
    char error[1024] = "";
    struct plugin_settings settings = {0};
    if (command->action == HELP_PLUGIN)
        settings = plugin_settings_of(command, &c);
    result r = command->action == DUMP_PLUGIN ? plugin_dump(command->argument, stdout, error, sizeof error)
                                              : plugin_help(&settings, command->argument, stdout, error, sizeof error);
    return FAILED(r) ? complain(error) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct command command;
    int wrong = parse(argc, argv, &command);
    if (wrong)
        return wrong;
    switch (command.action) {
    case RUN:
    case CHECK_CONFIG:
        return run(&command);
    case TRY_POLICY:
        return try_policy(&command);
    case DUMP_PLUGIN:
    case HELP_PLUGIN:
        return about_plugin(&command);
    case HELP_CONFIG:
        service_config_help(stdout);
        return EXIT_SUCCESS;
    case MAN:
        service_config_man(stdout);
        return EXIT_SUCCESS;
    case REFERENCE:
        service_config_reference(stdout);
        return EXIT_SUCCESS;
    case REASONS:
        return reasons(&command);
    case DUMP_ROUTES:
        api_dump_routes(stdout);
        return EXIT_SUCCESS;
    case VERSION:
        printf("trusteed " TRUSTEE_VERSION ", plugin ABI %u.%u, %s\n", TRUSTEE_ABI_MAJOR, TRUSTEE_ABI_MINOR,
               tls_library());
        return EXIT_SUCCESS;
    case HELP:
        break;
    }
    usage(stdout);
    return EXIT_SUCCESS;
}
