/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/store_host.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const trustee_plugin *trustee_plugin_describe_v1(void);

/* The C library's fsync, in this program: fails on demand. */
static atomic_int fsync_error;
static atomic_int fsyncs;
int fsync(int fd)
{
    atomic_fetch_add(&fsyncs, 1);
    if (fsync_error) {
        errno = fsync_error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* --- a folder for each test ----------------------------------------------------------------------------------------
 */

static char top[64];   /* everything of the test */
static char dir[128];  /* the plugin's directory */
static char dir2[128]; /* a secret folder */
static struct store_host host;
static uint8_t room[1 << 21];
static struct answer got;

static const char *at(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A path below `top`; a few are valid at a time. */
static const char *at(const char *format, ...)
{
    static char paths[4][1024];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    int n = snprintf(path, sizeof paths[0], "%s/", top);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + n, sizeof paths[0] - (size_t)n, format, arguments);
    va_end(arguments);
    return path;
}

static void write_text(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
}

static void make_dir(const char *path, mode_t mode)
{
    cr_assert(mkdir(path, mode) == 0 || errno == EEXIST, "%s: %s", path, strerror(errno));
    chmod(path, mode);
}

static trustee_status open_store(void)
{
    return store_host_open(&host, trustee_plugin_describe_v1());
}

static void begin(void)
{
    strcpy(top, "/tmp/file-test-XXXXXX");
    cr_assert(mkdtemp(top));
    snprintf(dir, sizeof dir, "%s/store", top);
    snprintf(dir2, sizeof dir2, "%s/secrets", top);
    make_dir(dir, 0700);
    make_dir(dir2, 0755);
    got = (struct answer){.room = room, .limit = sizeof room};
    store_host_begin(&host, dir);
}

static void begin_open(void)
{
    begin();
    store_host_folder(&host, dir2);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    host.log_size = host.warnings = 0;
}

static void end(void)
{
    char command[128];
    store_host_close(&host);
    fsync_error = 0;
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    cr_assert_eq(system(command), 0);
}

static trustee_status get(const char *key)
{
    host_get(&host, "repository", slice_text(key), &got);
    return got.status;
}

static trustee_status put(const char *key, const char *value)
{
    return host_put(&host, "repository", slice_text(key), slice_text(value), 0);
}

static trustee_status del(const char *key)
{
    return host_del(&host, "repository", slice_text(key));
}

static void expect(const char *key, const char *value)
{
    trustee_status status = get(key);
    cr_assert_eq(status, TRUSTEE_OK, "%s: %d: %s", key, status, host.log);
    cr_assert(slice_equal(slice_of(room, got.size), slice_text(value)), "%s is %.*s", key, (int)got.size,
              (const char *)room);
}

static void expect_none(const char *key)
{
    trustee_status status = get(key);
    cr_assert_eq(status, TRUSTEE_NOT_FOUND, "%s: %d", key, status);
    cr_assert_eq(got.commits, 0);
}

static unsigned names_in(const char *path)
{
    unsigned n = 0;
    DIR *d = opendir(path);
    cr_assert(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    cr_assert_eq(lstat(path, &st), 0, "%s", path);
    return st.st_mode & 07777;
}

TestSuite(file, .timeout = 120);
#define CASE(name) Test(file, name, .init = begin_open, .fini = end)
#define CASE_CLOSED(name) Test(file, name, .init = begin, .fini = end)

/* --- values ----------------------------------------------------------------------------------------------------------
 */

CASE(a_value_lies_where_upstream_puts_it_and_only_its_owner_reads_it)
{
    umask(0);
    cr_assert_eq(put("default/my-secret/key_1.pem", "value"), TRUSTEE_OK);
    expect("default/my-secret/key_1.pem", "value");
    cr_assert_eq(mode_of(at("store/repository/default\\x2Fmy-secret\\x2Fkey_1.pem")), 0600);
    cr_assert_eq(mode_of(at("store/repository")), 0700);
    cr_assert_eq(names_in(at("store/repository")), 1);
}

CASE(a_folder_that_upstream_wrote_is_read)
{
    make_dir(at("store/repository"), 0700);
    write_text(at("store/repository/default\\x2Fs\\x2Fk"), "success", 0600);
    write_text(at("store/repository/default\\x2fs\\x2fk2"), "other spelling", 0600);
    expect("default/s/k", "success");
    expect_none("default/s/k2");
}

CASE_CLOSED(the_directory_is_made_for_its_owner_only)
{
    cr_assert_eq(rmdir(dir), 0);
    umask(0);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    cr_assert_eq(mode_of(dir), 0700);
}

CASE(namespaces_are_apart)
{
    cr_assert_eq(host_put(&host, "kbs", S("a"), S("policy"), 0), TRUSTEE_OK);
    expect_none("a");
    host_get(&host, "kbs", S("a"), &got);
    cr_assert_eq(got.status, TRUSTEE_OK);
    host_get(&host, "../kbs", S("a"), &got);
    cr_assert_eq(got.status, TRUSTEE_E_INVAL);
    host_get(&host, "", S("a"), &got);
    cr_assert_eq(got.status, TRUSTEE_E_INVAL);
    host_get(&host, ".", S("a"), &got);
    cr_assert_eq(got.status, TRUSTEE_E_INVAL);
}

CASE(an_empty_value_is_a_value)
{
    cr_assert_eq(put("a/b/c", ""), TRUSTEE_OK);
    expect("a/b/c", "");
    cr_assert_eq(got.commits, 1);
}

CASE(a_large_value_comes_back_whole_and_a_larger_one_than_the_reader_takes_is_refused)
{
    static uint8_t value[1 << 20];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 2654435761u >> 13);
    cr_assert_eq(host_put(&host, "repository", S("a/b/c"), slice_of(value, sizeof value), 0), TRUSTEE_OK);
    cr_assert_eq(get("a/b/c"), TRUSTEE_OK);
    cr_assert(slice_equal(slice_of(room, got.size), slice_of(value, sizeof value)));
    got.limit = sizeof value;
    cr_assert_eq(get("a/b/c"), TRUSTEE_OK, "exactly as large as the limit");
    got.limit--;
    cr_assert_eq(get("a/b/c"), TRUSTEE_E_LIMIT);
    cr_assert_eq(got.commits, 0);
}

CASE(a_value_is_replaced_and_removed)
{
    expect_none("a/b/c");
    cr_assert_eq(put("a/b/c", "one"), TRUSTEE_OK);
    cr_assert_eq(put("a/b/c", "two, longer"), TRUSTEE_OK);
    expect("a/b/c", "two, longer");
    cr_assert_eq(del("a/b/c"), TRUSTEE_OK);
    expect_none("a/b/c");
    cr_assert_eq(del("a/b/c"), TRUSTEE_NOT_FOUND);
}

CASE(put_new_refuses_a_key_that_exists)
{
    cr_assert_eq(host_put(&host, "repository", S("a/b/c"), S("one"), TRUSTEE_PUT_NEW), TRUSTEE_OK);
    cr_assert_eq(host_put(&host, "repository", S("a/b/c"), S("two"), TRUSTEE_PUT_NEW), TRUSTEE_REJECT);
    expect("a/b/c", "one");
    cr_assert_eq(names_in(at("store/repository")), 1);
    uint64_t length = 0;
    cr_assert_eq(host.store->ready(host.instance, room, sizeof room, &length), TRUSTEE_OK, "a refusal is no failure");
}

CASE(a_value_is_durable_before_put_answers)
{
    cr_assert_eq(put("a/b/c", "1"), TRUSTEE_OK);
    fsyncs = 0;
    cr_assert_eq(put("a/b/c", "2"), TRUSTEE_OK);
    cr_assert_eq(fsyncs, 2, "the file, then its folder");
    fsyncs = 0;
    cr_assert_eq(del("a/b/c"), TRUSTEE_OK);
    cr_assert_eq(fsyncs, 1);
}

/* --- names
 * ------------------------------------------------------------------------------------------------------------ */

CASE(keys_that_are_no_keys_are_refused_and_touch_nothing)
{
    static const char *const keys[] = {
        "",       "/",          "/a",         "a/",           "a//b", ".",
        "..",     "a/..",       "../a",       "a/../b",       "a/.",  ".a/b/c",
        "a/.b/c", "a/..data/c", "..data/a/b", "a b",          "a\\b", "a\\x2Fb",
        "a%2fb",  "a\nb",       "\xc3\xa9",   "a/b/\xc0\xaf", "~",    ".tmp-0011223344556677",
    };
    write_text(at("outside"), "outside", 0600);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        cr_assert_eq(get(keys[i]), TRUSTEE_E_INVAL, "get %s", keys[i]);
        cr_assert_eq(put(keys[i], "x"), TRUSTEE_E_INVAL, "put %s", keys[i]);
        cr_assert_eq(del(keys[i]), TRUSTEE_E_INVAL, "del %s", keys[i]);
    }
    host_get(&host, "repository", slice_of("a\0b", 3), &got);
    cr_assert_eq(got.status, TRUSTEE_E_INVAL, "NUL");
    cr_assert_eq(names_in(dir), 0);
}

CASE(a_key_too_long_for_a_file_name_is_not_found_and_cannot_be_put)
{
    char key[300];
    memset(key, 'a', sizeof key);
    key[255] = 0;
    cr_assert_eq(put(key, "longest"), TRUSTEE_OK);
    expect(key, "longest");
    key[255] = 'a';
    key[256] = 0;
    cr_assert_eq(get(key), TRUSTEE_E_INVAL, "no segment is that long");
    key[100] = '/';
    key[253] = 0; /* a slash takes four characters in the file name */
    cr_assert_eq(put(key, "x"), TRUSTEE_REJECT);
    cr_assert_eq(get(key), TRUSTEE_NOT_FOUND);
    cr_assert_eq(del(key), TRUSTEE_NOT_FOUND);
    key[252] = 0;
    cr_assert_eq(put(key, "just fits"), TRUSTEE_OK);
    expect(key, "just fits");
}

CASE(a_symlink_in_the_repository_is_never_followed)
{
    write_text(at("outside"), "outside", 0600);
    cr_assert_eq(put("a/b/c", "inside"), TRUSTEE_OK);
    cr_assert_eq(symlink(at("outside"), at("store/repository/absolute")), 0);
    cr_assert_eq(symlink("../../outside", at("store/repository/relative")), 0);
    cr_assert_eq(symlink("a\\x2Fb\\x2Fc", at("store/repository/sibling")), 0);
    cr_assert_eq(symlink("/proc/self/environ", at("store/repository/magic")), 0);
    expect_none("absolute");
    expect_none("relative");
    expect_none("sibling");
    expect_none("magic");
    cr_assert_eq(host.warnings, 4);
    cr_assert_eq(del("absolute"), TRUSTEE_NOT_FOUND);
    host_list(&host, "repository", "", &got);
    cr_assert_str_eq(got.text, "a/b/c 6\n");
    cr_assert_eq(put("absolute", "mine"), TRUSTEE_OK, "a write replaces the link itself");
    expect("absolute", "mine");
    cr_assert_eq(symlink(top, at("store/reference_value")), 0);
    host_get(&host, "reference_value", S("outside"), &got);
    cr_assert_eq(got.status, TRUSTEE_NOT_FOUND, "a namespace that is a symlink");
    cr_assert_eq(host_put(&host, "reference_value", S("x"), S("x"), 0), TRUSTEE_E_AGAIN);
}

CASE(what_is_no_regular_file_is_refused_without_waiting)
{
    make_dir(at("store/repository"), 0700);
    cr_assert_eq(mkfifo(at("store/repository/fifo"), 0600), 0);
    make_dir(at("store/repository/folder"), 0700);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/s", dir);
    cr_assert_eq(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(rename(address.sun_path, at("store/repository/socket")), 0);
    if (mknod(at("store/repository/device"), S_IFCHR | 0600, 5 /* /dev/zero */ | 1 << 8) == 0)
        expect_none("device");
    expect_none("fifo");
    expect_none("folder");
    expect_none("socket");
    cr_assert_eq(del("fifo"), TRUSTEE_NOT_FOUND);
    cr_assert_eq(put("folder", "x"), TRUSTEE_E_AGAIN);
    close(s);
}

/* --- Secrets
 * ------------------------------------------------------------------------------------------------------------ */

/* A Secret as the kubelet mounts it: key -> ..data/key, ..data -> ..<time>. */
static void mount_secret(const char *folder, const char *generation, const char *key, const char *value)
{
    make_dir(at("%s", folder), 0755);
    make_dir(at("%s/%s", folder, generation), 0755);
    write_text(at("%s/%s/%s", folder, generation, key), value, 0644);
    unlink(at("%s/..data_tmp", folder));
    cr_assert_eq(symlink(generation, at("%s/..data_tmp", folder)), 0);
    cr_assert_eq(rename(at("%s/..data_tmp", folder), at("%s/..data", folder)), 0);
    char link[300];
    snprintf(link, sizeof link, "..data/%s", key);
    cr_assert(symlink(link, at("%s/%s", folder, key)) == 0 || errno == EEXIST);
}

CASE(a_mounted_secret_is_served)
{
    mount_secret("secrets/s1", "..2026_11_23", "k", "one");
    expect("default/s1/k", "one");
    expect_none("default/s1/other");
    expect_none("default/s2/k");
    expect_none("other/s1/k");
    expect_none("default/s1");
    expect_none("default/s1/k/k");
    host_get(&host, "kbs", S("default/s1/k"), &got);
    cr_assert_eq(got.status, TRUSTEE_NOT_FOUND, "Secrets belong to the repository");
}

CASE(a_plain_folder_of_files_serves_as_a_secret)
{
    make_dir(at("secrets/plain"), 0755);
    write_text(at("secrets/plain/k"), "value", 0644);
    write_text(at("secrets/lone"), "no Secret", 0644);
    expect("default/plain/k", "value");
    expect_none("default/lone/k");
}

CASE_CLOSED(a_secret_folder_that_is_itself_a_volume_is_served)
{
    store_host_folder(&host, dir2);
    make_dir(at("secrets/..1"), 0755);
    make_dir(at("secrets/..1/s"), 0755);
    write_text(at("secrets/..1/s/k"), "projected", 0644);
    cr_assert_eq(symlink("..1", at("secrets/..data")), 0);
    cr_assert_eq(symlink("..data/s", at("secrets/s")), 0);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    expect("default/s/k", "projected");
    host_list(&host, "repository", "", &got);
    cr_assert_str_eq(got.text, "default/s/k 9\n");
}

CASE(a_secret_cannot_lead_out_of_its_folder)
{
    write_text(at("k"), "outside", 0644);
    make_dir(at("secrets/absolute"), 0755);
    cr_assert_eq(symlink(top, at("secrets/absolute/..data")), 0);
    make_dir(at("secrets/relative"), 0755);
    cr_assert_eq(symlink("../..", at("secrets/relative/..data")), 0);
    make_dir(at("secrets/magic"), 0755);
    cr_assert_eq(symlink("/proc/self/cwd", at("secrets/magic/..data")), 0);
    mount_secret("secrets/inner", "..1", "good", "good");
    cr_assert_eq(symlink("../../../k", at("secrets/inner/..1/k")), 0);
    cr_assert_eq(symlink("good", at("secrets/inner/..1/alias")), 0);
    cr_assert_eq(symlink(top, at("secrets/linked")), 0);
    cr_assert_eq(symlink("inner", at("secrets/sibling")), 0);
    expect_none("default/absolute/k");
    expect_none("default/relative/k");
    expect_none("default/magic/k");
    expect_none("default/inner/k");
    expect_none("default/inner/alias");
    expect_none("default/linked/k");
    expect_none("default/sibling/good");
    expect("default/inner/good", "good");
    cr_assert_eq(mkfifo(at("secrets/inner/..1/fifo"), 0644), 0);
    expect_none("default/inner/fifo");
    host_list(&host, "repository", "", &got);
    cr_assert_str_eq(got.text, "default/inner/good 4\n");
}

CASE(a_secret_that_vanished_is_never_served_again)
{
    mount_secret("secrets/s", "..1", "k", "one");
    expect("default/s/k", "one");
    unlink(at("secrets/s/..1/k"));
    expect_none("default/s/k");
    mount_secret("secrets/s", "..2", "k", "two");
    expect("default/s/k", "two");
    cr_assert_eq(rename(at("secrets/s"), at("gone")), 0);
    expect_none("default/s/k");
}

CASE(only_the_repository_is_written)
{
    mount_secret("secrets/s", "..1", "k", "mounted");
    cr_assert_eq(put("default/s/k", "mine"), TRUSTEE_REJECT);
    cr_assert_eq(host_put(&host, "repository", S("default/s/k"), S("mine"), TRUSTEE_PUT_NEW), TRUSTEE_REJECT);
    cr_assert_eq(del("default/s/k"), TRUSTEE_REJECT);
    expect("default/s/k", "mounted");
    cr_assert_eq(put("default/s/other", "mine"), TRUSTEE_OK);
    cr_assert_eq(host_put(&host, "kbs", S("default/s/k"), S("policy"), 0), TRUSTEE_OK, "another namespace");
}

CASE_CLOSED(the_repository_comes_first_then_the_folders_in_order_and_a_double_is_warned_about_once)
{
    static char dir3[128];
    snprintf(dir3, sizeof dir3, "%s/more", top);
    make_dir(dir3, 0755);
    mount_secret("secrets/s", "..1", "k", "first folder");
    mount_secret("more/s", "..1", "k", "second folder");
    store_host_folder(&host, dir2);
    store_host_folder(&host, dir3);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    const char *first = strstr(host.log, "default/s/k lies in two places: the one in");
    cr_assert(first && !strstr(first + 30, "two places"), "%s", host.log);
    host.warnings = 0;
    expect("default/s/k", "first folder");
    make_dir(at("store/repository"), 0700);
    write_text(at("store/repository/default\\x2Fs\\x2Fk"), "repository", 0600);
    expect("default/s/k", "repository");
    cr_assert_eq(put("default/s/k", "new"), TRUSTEE_OK, "the repository holds it, so it can be written");
    cr_assert_eq(del("default/s/k"), TRUSTEE_OK);
    expect("default/s/k", "first folder");
    cr_assert_eq(host.warnings, 0, "%s", host.log);
    host_list(&host, "repository", "", &got);
    cr_assert_eq(got.names, 1, "%s", got.text);
}

CASE(a_double_that_comes_later_is_noticed_when_it_is_read)
{
    mount_secret("secrets/s", "..1", "k", "mounted");
    make_dir(at("store/repository"), 0700);
    write_text(at("store/repository/default\\x2Fs\\x2Fk"), "repository", 0600);
    for (int i = 0; i < 30 && host.warnings == 0; i++) {
        expect("default/s/k", "repository");
        usleep(100000);
    }
    cr_assert_eq(host.warnings, 1);
    cr_assert(strstr(host.log, "default/s/k lies in two places"));
}

CASE(a_listing_names_each_key_once_and_nothing_hidden)
{
    cr_assert_eq(put("default/s/k", "12345"), TRUSTEE_OK);
    cr_assert_eq(put("one/two/three", "1"), TRUSTEE_OK);
    write_text(at("store/repository/.tmp-0000"), "x", 0600);
    write_text(at("store/repository/.hidden"), "x", 0600);
    write_text(at("store/repository/a\\x2F.hidden"), "x", 0600);
    write_text(at("store/repository/bad name"), "x", 0600);
    mount_secret("secrets/s", "..1", "k", "hidden by the repository");
    mount_secret("secrets/s", "..1", "k2", "22");
    host_list(&host, "repository", "default/", &got);
    cr_assert_eq(got.status, TRUSTEE_OK);
    cr_assert_eq(got.names, 2, "%s", got.text);
    cr_assert(strstr(got.text, "default/s/k 5\n"));
    cr_assert(strstr(got.text, "default/s/k2 2\n"));
    host_list(&host, "repository", "", &got);
    cr_assert_eq(got.names, 3, "%s", got.text);
    host_list(&host, "kbs", "", &got);
    cr_assert_eq(got.status, TRUSTEE_OK);
    cr_assert_eq(got.names, 0);
}

/* --- many at once
 * -------------------------------------------------------------------------------------------------------- */

#define FLIPS 10000
static atomic_bool done;

/* Two lines of one letter: whole if all bytes are the same. */
static void one_letter(char letter, size_t size, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    char block[4096];
    memset(block, letter, sizeof block);
    for (size_t left = size; left;) {
        size_t part = left < sizeof block ? left : sizeof block;
        cr_assert_eq(write(fd, block, part), (ssize_t)part);
        left -= part;
    }
    close(fd);
}

/* What the kubelet does at an update: a new folder, ..data renamed over, the old folder removed. */
static void *flip(void *unused)
{
    char name[32], last[32] = "..0";
    for (int i = 1; i <= FLIPS; i++) {
        snprintf(name, sizeof name, "..%d", i);
        mkdir(at("secrets/s/%s", name), 0755);
        one_letter(i & 1 ? 'B' : 'A', i & 1 ? 3000 : 9000, at("secrets/s/%s/k", name));
        unlink(at("secrets/s/..data_tmp"));
        cr_assert_eq(symlink(name, at("secrets/s/..data_tmp")), 0);
        cr_assert_eq(rename(at("secrets/s/..data_tmp"), at("secrets/s/..data")), 0);
        unlink(at("secrets/s/%s/k", last));
        cr_assert_eq(rmdir(at("secrets/s/%s", last)), 0);
        strcpy(last, name);
    }
    done = true;
    return unused;
}

CASE(while_a_secret_is_updated_each_read_gets_the_whole_old_or_the_whole_new_one)
{
    make_dir(at("secrets/s"), 0755);
    make_dir(at("secrets/s/..0"), 0755);
    one_letter('A', 9000, at("secrets/s/..0/k"));
    cr_assert_eq(symlink("..0", at("secrets/s/..data")), 0);
    pthread_t thread;
    size_t reads = 0, letters[2] = {0};
    pthread_create(&thread, NULL, flip, NULL);
    for (; !done; reads++) {
        cr_assert_eq(get("default/s/k"), TRUSTEE_OK, "read %zu: %d %s", reads, got.status, host.log);
        size_t size = room[0] == 'A' ? 9000 : 3000;
        cr_assert_eq(got.size, size);
        for (size_t i = 1; i < size; i++)
            cr_assert_eq(room[i], room[0]);
        letters[room[0] == 'A']++;
    }
    pthread_join(thread, NULL);
    cr_assert(letters[0] > 100 && letters[1] > 100, "%zu %zu", letters[0], letters[1]);
    cr_assert_eq(host.warnings + host.errors, 0, "%s", host.log);
}

#define WRITERS 2
#define WRITES 1500

static void *writer(void *number)
{
    static uint8_t values[WRITERS][20000];
    uint8_t *value = values[(size_t)number];
    for (size_t i = 0; i < WRITES; i++) {
        memset(value, (int)('a' + i % 26), sizeof values[0]);
        size_t size = 1 + (i * 7919) % sizeof values[0];
        cr_assert_eq(host_put(&host, "repository", S("a/b/c"), slice_of(value, size), 0), TRUSTEE_OK);
    }
    return NULL;
}

static void *reader(void *unused)
{
    static _Thread_local uint8_t mine[20000];
    struct answer *a = calloc(1, sizeof *a);
    *a = (struct answer){.room = mine, .limit = sizeof mine};
    while (!done) {
        host_get(&host, "repository", S("a/b/c"), a);
        cr_assert_eq(a->status, TRUSTEE_OK);
        cr_assert_gt(a->size, 0);
        for (size_t i = 1; i < a->size; i++)
            cr_assert_eq(mine[i], mine[0]);
    }
    free(a);
    return unused;
}

CASE(readers_and_writers_of_one_key_see_whole_values_only)
{
    pthread_t writers[WRITERS], readers[2];
    cr_assert_eq(put("a/b/c", "a"), TRUSTEE_OK);
    for (size_t i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, writer, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_create(&readers[i], NULL, reader, NULL);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    done = true;
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    cr_assert_eq(names_in(at("store/repository")), 1, "no temporary file is left");
}

/* A foreign hand that changes the file in place while it is read. */
struct meddler {
    off_t sizes[4];
    unsigned turn;
};

static void meddle(void *user)
{
    struct meddler *m = user;
    if (m->turn < 4 && m->sizes[m->turn])
        cr_assert_eq(truncate(at("store/repository/a"), m->sizes[m->turn]), 0);
    m->turn++;
}

CASE(a_file_that_changes_its_size_while_it_is_read_is_read_again)
{
    cr_assert_eq(put("a", "12345678"), TRUSTEE_OK);
    struct meddler grows = {.sizes = {100}};
    got.on_reserve = meddle;
    got.user = &grows;
    cr_assert_eq(get("a"), TRUSTEE_OK);
    cr_assert_eq(got.size, 100);
    struct meddler shrinks = {.sizes = {4}};
    got.user = &shrinks;
    cr_assert_eq(get("a"), TRUSTEE_OK);
    cr_assert_eq(got.size, 4);
    struct meddler restless = {.sizes = {10, 20, 30, 40}};
    got.user = &restless;
    cr_assert_eq(get("a"), TRUSTEE_E_AGAIN);
    cr_assert_eq(got.commits, 0);
}

/* --- modes at start
 * ------------------------------------------------------------------------------------------------------ */

static void refused_at_start(const char *why)
{
    cr_assert_eq(open_store(), TRUSTEE_E_CONFIG);
    cr_assert(strstr(host.log, why), "%s", host.log);
    cr_assert_eq(host.errors, 1);
}

CASE_CLOSED(a_directory_that_others_may_write_is_refused)
{
    chmod(dir, 0777);
    refused_at_start("has mode 0777");
    host.errors = 0;
    chmod(dir, 0720);
    refused_at_start("has mode 0720");
}

CASE_CLOSED(a_namespace_that_others_may_write_is_refused)
{
    make_dir(at("store/repository"), 0770);
    refused_at_start("repository/ has mode 0770");
}

CASE_CLOSED(a_file_that_others_may_write_is_refused)
{
    make_dir(at("store/repository"), 0700);
    write_text(at("store/repository/a"), "x", 0602);
    refused_at_start("repository/a has mode 0602");
}

CASE_CLOSED(a_file_of_another_user_is_refused)
{
    make_dir(at("store/kbs"), 0700);
    write_text(at("store/kbs/a"), "x", 0600);
    if (chown(at("store/kbs/a"), 12345, 12345) != 0)
        cr_skip_test("needs root");
    refused_at_start("owner 12345");
}

CASE_CLOSED(what_others_may_read_is_warned_about)
{
    chmod(dir, 0755);
    make_dir(at("store/repository"), 0700);
    write_text(at("store/repository/a"), "x", 0644);
    write_text(at("store/repository/b"), "x", 0640);
    write_text(at("store/repository/c"), "x", 0600);
    cr_assert_eq(symlink("c", at("store/repository/d")), 0);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    cr_assert(strstr(host.log, "others may look into it"), "%s", host.log);
    cr_assert(strstr(host.log, "2 files of"), "%s", host.log);
    cr_assert(strstr(host.log, "1 names of"), "%s", host.log);
    expect("a", "x");
}

CASE_CLOSED(folders_that_are_not_there_are_refused)
{
    host.directory = at("none/store");
    refused_at_start("cannot be opened or made: No such file");
    host.errors = 0;
    host.directory = dir;
    store_host_folder(&host, at("none"));
    refused_at_start("the secret folder cannot be opened");
}

CASE_CLOSED(more_secret_folders_than_there_is_room_for_are_refused)
{
    for (int i = 0; i < 33; i++)
        store_host_folder(&host, dir2);
    refused_at_start("too many secret folders");
}

CASE_CLOSED(only_temporary_files_that_nobody_writes_are_removed_at_start)
{
    make_dir(at("store/repository"), 0700);
    write_text(at("store/repository/.tmp-1"), "left by a dead process", 0600);
    write_text(at("store/repository/.tmp-2"), "being written", 0600);
    write_text(at("store/.tmp-3"), "a probe", 0600);
    int held = open(at("store/repository/.tmp-2"), O_WRONLY);
    cr_assert_eq(flock(held, LOCK_EX), 0);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    cr_assert_eq(access(at("store/repository/.tmp-1"), F_OK), -1);
    cr_assert_eq(access(at("store/repository/.tmp-2"), F_OK), 0);
    cr_assert_eq(access(at("store/.tmp-3"), F_OK), -1);
    close(held);
}

CASE_CLOSED(plain_text_at_rest_is_flagged_and_warned_of_unless_the_directory_is_in_memory)
{
    struct statfs fs;
    cr_assert_eq(statfs(dir, &fs), 0);
    cr_assert_eq(open_store(), TRUSTEE_OK);
    cr_assert_eq((host.store->flags & TRUSTEE_STORAGE_PLAIN_AT_REST) != 0, fs.f_type != TMPFS_MAGIC);
    cr_assert_eq(strstr(host.log, "unencrypted") != NULL, fs.f_type != TMPFS_MAGIC);
    store_host_close(&host);
    char shm[] = "/dev/shm/file-test-XXXXXX";
    if (statfs("/dev/shm", &fs) != 0 || fs.f_type != TMPFS_MAGIC || !mkdtemp(shm))
        cr_skip_test("no tmpfs");
    host.directory = shm;
    cr_assert_eq(open_store(), TRUSTEE_OK);
    cr_assert_eq(host.store->flags & TRUSTEE_STORAGE_PLAIN_AT_REST, 0);
    cr_assert_not(strstr(host.log, "unencrypted"));
    cr_assert_eq(host.store->flags & TRUSTEE_STORAGE_BLOCKING_PUT, TRUSTEE_STORAGE_BLOCKING_PUT);
    cr_assert_eq(host.store->flags & TRUSTEE_STORAGE_BLOCKING_GET, 0);
    rmdir(shm);
}

/* --- failing disks
 * --------------------------------------------------------------------------------------------------------- */

static trustee_status ready(void)
{
    uint64_t length = 0;
    memset(room, 0, 300);
    return host.store->ready(host.instance, room, 256, &length);
}

static void fails_and_recovers(int error)
{
    cr_assert_eq(put("a/b/c", "old"), TRUSTEE_OK);
    cr_assert_eq(ready(), TRUSTEE_OK);
    fsync_error = error;
    cr_assert_eq(put("a/b/c", "new"), TRUSTEE_E_AGAIN);
    cr_assert_gt(host.errors, 0);
    expect("a/b/c", "old");
    cr_assert_eq(names_in(at("store/repository")), 1, "no litter");
    cr_assert_eq(ready(), TRUSTEE_E_AGAIN);
    cr_assert(strstr((char *)room, strerror(error)), "%s", (char *)room);
    fsync_error = 0;
    usleep(2100000); /* probes are a second apart */
    cr_assert_eq(ready(), TRUSTEE_OK, "%s", (char *)room);
    cr_assert_eq(names_in(dir), 1);
    cr_assert_eq(put("a/b/c", "new"), TRUSTEE_OK);
    expect("a/b/c", "new");
}

CASE(an_io_error_fails_the_write_only_and_shows_until_writing_works_again)
{
    fails_and_recovers(EIO);
}

CASE(a_full_disk_fails_the_write_only_and_shows_until_writing_works_again)
{
    fails_and_recovers(ENOSPC);
}

CASE(readiness_does_not_probe_with_each_call)
{
    cr_assert_eq(put("a/b/c", "old"), TRUSTEE_OK);
    fsync_error = EROFS;
    cr_assert_eq(put("a/b/c", "new"), TRUSTEE_E_AGAIN);
    fsyncs = 0;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(ready(), TRUSTEE_E_AGAIN);
    cr_assert_leq(fsyncs, 2);
}

CASE(a_write_past_the_size_limit_of_files_leaves_the_old_value)
{
    struct rlimit limit = {4096, 4096};
    static uint8_t big[10000];
    cr_assert_eq(put("a/b/c", "old"), TRUSTEE_OK);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(host_put(&host, "repository", S("a/b/c"), slice_of(big, sizeof big), 0), TRUSTEE_E_AGAIN);
    expect("a/b/c", "old");
    cr_assert_eq(names_in(at("store/repository")), 1);
}

CASE(a_directory_that_was_removed_is_not_ready)
{
    cr_assert_eq(rmdir(dir), 0);
    cr_assert_eq(ready(), TRUSTEE_E_AGAIN);
    cr_assert_eq(put("a", "x"), TRUSTEE_E_AGAIN);
    expect_none("a");
}

/* --- cost
 * -------------------------------------------------------------------------------------------------------------------
 */

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
static _Thread_local size_t allocations;
void *__libc_malloc(size_t size);
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

CASE(a_read_allocates_nothing)
{
    cr_assert_eq(put("a/b/c", "value"), TRUSTEE_OK);
    mount_secret("secrets/s", "..1", "k", "mounted");
    size_t before = allocations;
    trustee_status first = get("a/b/c"), second = get("default/s/k"), third = get("default/s/none");
    size_t after = allocations;
    cr_assert(first == TRUSTEE_OK && second == TRUSTEE_OK && third == TRUSTEE_NOT_FOUND);
    cr_assert_eq(after - before, 0);
}
#endif

CASE(a_read_is_cheap)
{
    static const char *const keys[] = {"a/b/c", "default/s/k"};
    cr_assert_eq(put("a/b/c", "0123456789abcdef0123456789abcdef"), TRUSTEE_OK);
    mount_secret("secrets/s", "..1", "k", "mounted");
    for (int k = 0; k < 2; k++) {
        uint64_t start = cpu_ns();
        for (int i = 0; i < 20000; i++)
            (void)get(keys[k]);
        double us = (double)(cpu_ns() - start) / 20000 / 1000;
        fprintf(stderr, "get %s: %.2f us of CPU\n", keys[k], us);
        cr_assert_lt(us, 200.0, "far off the target of 8 us, even for a busy machine or valgrind");
    }
}
