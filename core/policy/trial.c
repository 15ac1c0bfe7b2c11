/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock/clock.h"
#include "core/log/log.h"

extern char **environ;

#define REMEMBERED 256

/* Hashes of policies that passed. */
static struct {
    pthread_mutex_t lock;
    uint8_t hashes[REMEMBERED][32];
    size_t count;
} passed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool has_passed(const uint8_t hash[32])
{
    bool found = false;
    pthread_mutex_lock(&passed.lock);
    for (size_t i = 0; i < passed.count && i < REMEMBERED && !found; i++)
        found = memcmp(passed.hashes[i], hash, 32) == 0;
    pthread_mutex_unlock(&passed.lock);
    return found;
}

static void remember(const uint8_t hash[32])
{
    pthread_mutex_lock(&passed.lock);
    memcpy(passed.hashes[passed.count++ % REMEMBERED], hash, 32);
    pthread_mutex_unlock(&passed.lock);
}

struct child {
    pid_t pid;
    int in, out; /* our ends; -1: closed */
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool child_start(const char *const *argv, struct child *c)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    posix_spawn_file_actions_t actions;
    if (pipe2(in, O_CLOEXEC) != 0)
        return false;
    if (pipe2(out, O_CLOEXEC) != 0) {
        close(in[0]);
        close(in[1]);
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    char *empty_environment[] = {NULL};
    char *const *args;
    memcpy(&args, &argv, sizeof args);
    int failed = posix_spawn(&c->pid, argv[0], &actions, NULL, args, empty_environment);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    c->in = in[1];
    c->out = out[0];
    fcntl(c->in, F_SETFL, O_NONBLOCK);
    if (!failed)
        return true;
    close_end(&c->in);
    close_end(&c->out);
    return false;
}

struct talk {
    slice unsent;
    uint8_t answer[1024];
    size_t got;
};

static void send_some(struct child *c, struct talk *t)
{
    ssize_t n = write(c->in, t->unsent.ptr, t->unsent.len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    t->unsent = slice_sub(t->unsent, n > 0 ? (size_t)n : 0, t->unsent.len);
    if (n < 0 || !t->unsent.len)
        close_end(&c->in);
}

static void receive_some(struct child *c, struct talk *t)
{
    size_t room = sizeof t->answer - t->got;
    ssize_t n = room ? read(c->out, t->answer + t->got, room) : 0;
    if (n < 0 && errno == EINTR)
        return;
    t->got += n > 0 ? (size_t)n : 0;
    if (n <= 0)
        close_end(&c->out);
}

/* Writes the text and reads the answer, both without trusting the child to take part. */
static void child_talk(struct child *c, struct talk *t, uint64_t deadline)
{
    while (c->out >= 0) {
        uint64_t now = clock_monotonic_ms();
        struct pollfd fds[2] = {{c->out, POLLIN, 0}, {c->in, POLLOUT, 0}};
        int ready = now < deadline ? poll(fds, 2, (int)(deadline - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        if (fds[1].revents)
            send_some(c, t);
        if (fds[0].revents)
            receive_some(c, t);
    }
    close_end(&c->in);
    close_end(&c->out);
}

/* The exit status, or -1 for a child that was killed or does not end. */
static int child_end(struct child *c, uint64_t deadline)
{
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(c->pid, &status, WNOHANG)) == 0 && clock_monotonic_ms() < deadline)
        usleep(500);
    if (ended == 0) {
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
            ;
        return -1;
    }
    return ended == c->pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_answer(slice answer, struct policy_error *error)
{
    unsigned line = 0, column = 0;
    char text[sizeof error->text] = "";
    char copy[1024];
    size_t n = answer.len < sizeof copy - 1 ? answer.len : sizeof copy - 1;
    memcpy(copy, answer.ptr, n);
    copy[n] = 0;
    if (sscanf(copy, "%u %u %511[^\n]", &line, &column, text) < 2)
        return;
    error->line = line;
    error->column = column;
    memcpy(error->text, text, sizeof error->text);
}

result policy_try(const struct policy_trial *trial, const uint8_t hash[32], slice text, struct policy_error *error)
{
    struct child c;
    struct talk talk = {.unsent = text};
    if (!trial->argv || has_passed(hash))
        return OK;
    uint64_t deadline = clock_monotonic_ms() + trial->timeout_ms;
    ENSURE(child_start(trial->argv, &c), POLICY_FAULT);
    child_talk(&c, &talk, deadline);
    int status = child_end(&c, deadline);
    read_answer(slice_of(talk.answer, talk.got), error);
    /* A child that did not take the whole text has not tried it. */
    if (status == 0 && !talk.unsent.len) {
        remember(hash);
        return OK;
    }
    if (status == 1)
        return FAIL(POLICY_REFUSED);
    snprintf(error->text, sizeof error->text,
             status < 0 ? "loading the policy in a trial process used up its time or memory"
                        : "the trial process could not be used (exit code %d); see the log",
             status);
    return FAIL(status < 0 ? POLICY_LIMIT : POLICY_FAULT);
}

slice policy_verdict(const struct engine *engine, const uint8_t hash[32], struct arena *a)
{
    struct text t = text_begin(a);
    text_lit(&t, "passed ");
    text_hex(&t, slice_of(hash, 32));
    text_lit(&t, " ");
    text_add(&t, engine_sha256(engine));
    return text_end(&t);
}

bool policy_recall(const struct engine *engine, const uint8_t hash[32], slice verdict)
{
    uint8_t room[256];
    struct arena a = {.base = room, .size = sizeof room};
    slice expected = policy_verdict(engine, hash, &a);
    if (!expected.ptr || !slice_equal(expected, verdict))
        return false;
    remember(hash);
    return true;
}

void policy_trial_limits(void)
{
    struct rlimit cpu = {5, 6}, none = {0, 0};
#ifndef __SANITIZE_ADDRESS__ /* its shadow alone is larger */
    struct rlimit memory = {512u << 20, 512u << 20};
    setrlimit(RLIMIT_AS, &memory);
#endif
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
}

static size_t read_all(uint8_t *room, size_t size)
{
    size_t got = 0;
    ssize_t n;
    while (got < size && (n = read(STDIN_FILENO, room + got, size - got)) > 0)
        got += (size_t)n;
    return got;
}

/* An evaluation with nothing to look at: it may well be undefined, but it must end. */
static result try_once(const struct engine *engine, void *compiled, struct arena *a)
{
    static const slice rules[] = {{(const uint8_t *)"allow", 5}, {(const uint8_t *)"trust_claims", 12}};
    static const trustee_node empty = {.type = TRUSTEE_NODE_OBJECT, .next = 1};
    struct trustee_request req;
    tree answer;
    trustee_policy_in in = {
        .size = sizeof in, .rule_count = 2, .rules = rules, .input = {&empty, 1}, .deadline_ms = 2000};
    request_begin(&req, a, NULL, NULL, 0);
    result r = engine_evaluate(engine, &req, compiled, &in, &answer);
    request_end(&req);
    return r.reason == POLICY_LIMIT ? r : OK;
}

int policy_trial_main(const struct engine *engine)
{
    struct arena a;
    struct policy_error error = {0};
    void *compiled = NULL;
    if (FAILED(arena_map(&a, 16u << 20, ARENA_PLAIN)))
        return 2;
    uint8_t *room = arena_alloc(&a, POLICY_TEXT_MAX + 1, 1);
    size_t size = room ? read_all(room, POLICY_TEXT_MAX + 1) : 0;
    trustee_policy_info info = {.size = sizeof info};
    result r = size > POLICY_TEXT_MAX
                   ? FAIL(POLICY_LIMIT)
                   : engine_compile(engine, S("trial"), slice_of(room, size), &compiled, &info, &error);
    if (!FAILED(r))
        r = try_once(engine, compiled, &a);
    if (!FAILED(r))
        return 0;
    for (char *c = error.text; *c; c++)
        if (*c == '\n')
            *c = ' ';
    printf("%u %u %s\n", error.line, error.column, error.text[0] ? error.text : reason_text(r.reason));
    return 1;
}
