/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <trustee/plugin.h>
#include <unistd.h>

static const slice DIRECTORY = TRUSTEE_TEXT("directory");
static const slice SECRET_FOLDER = TRUSTEE_TEXT("secret_folder");

/* Not constant: init() takes PLAIN_AT_REST away for a directory in memory. */
static trustee_storage vtable = {
    .size = sizeof vtable,
    .flags = TRUSTEE_STORAGE_BLOCKING_PUT | TRUSTEE_STORAGE_PLAIN_AT_REST,
    .get = file_get,
    .put = file_put,
    .del = file_del,
    .list = file_list,
    .ready = file_ready,
};

static trustee_status cannot(const struct file_store *s, slice path, const char *what, int error)
{
    char room[128];
    file_log(s, TRUSTEE_LOG_ERROR, "%.*s: %s: %s", SLICE_ARG(path), what, strerror_r(error, room, sizeof room));
    return TRUSTEE_E_CONFIG;
}

/* A root may be reached through symlinks: its path is the operator's. -errno on failure. */
static int open_root(slice path, bool create)
{
    char name[4096];
    int n = snprintf(name, sizeof name, "%.*s", SLICE_ARG(path));
    if (n <= 0 || (size_t)n >= sizeof name || name[0] != '/')
        return -ENAMETOOLONG;
    if (create && mkdir(name, 0700) != 0 && errno != EEXIST)
        return -errno;
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static trustee_status open_directory(struct file_store *s, const trustee_conf *conf)
{
    if (s->host->conf_text(conf, DIRECTORY, &s->directory) != TRUSTEE_OK)
        return TRUSTEE_E_CONFIG;
    s->root = open_root(s->directory, true);
    if (s->root < 0)
        return cannot(s, s->directory, "the directory cannot be opened or made", -s->root);
    int probe = file_open_dir(s->root, ".");
    if (probe == -ENOSYS || probe == -EPERM)
        return cannot(s, s->directory, "openat2 is needed: Linux 5.6, and a system-call filter that allows it", -probe);
    file_close(probe);
    return probe < 0 ? cannot(s, s->directory, "the directory cannot be read", -probe) : TRUSTEE_OK;
}

static trustee_status open_folders(struct file_store *s, const trustee_conf *conf)
{
    slice path;
    while (s->host->conf_nth(conf, SECRET_FOLDER, s->folder_count, &path) == TRUSTEE_OK) {
        if (s->folder_count == FILE_FOLDERS_MAX)
            return cannot(s, path, "too many secret folders", E2BIG);
        int fd = open_root(path, false);
        if (fd < 0)
            return cannot(s, path, "the secret folder cannot be opened (make it, or leave secret_folder out)", -fd);
        file_folder_begin(&s->folders[s->folder_count++], path, fd);
    }
    return TRUSTEE_OK;
}

static bool in_memory(int dir)
{
    struct statfs fs;
    return fstatfs(dir, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static void tell_at_rest(const struct file_store *s)
{
    if (in_memory(s->root)) {
        vtable.flags &= ~TRUSTEE_STORAGE_PLAIN_AT_REST;
        return;
    }
    vtable.flags |= TRUSTEE_STORAGE_PLAIN_AT_REST;
    file_log(s, TRUSTEE_LOG_WARN, "%.*s: values lie there unencrypted; use an encrypted disk, or a tmpfs",
             SLICE_ARG(s->directory));
}

static void plugin_fini(void *instance)
{
    struct file_store *s = instance;
    for (size_t i = 0; i < s->folder_count; i++)
        file_close(s->folders[i].fd);
    file_close(s->root);
    free(s);
}

static trustee_status plugin_init(const trustee_host *host, const trustee_conf *conf, void **instance)
{
    struct file_store *s = calloc(1, sizeof *s);
    if (!s)
        return TRUSTEE_E_NOMEM;
    s->host = host;
    s->root = -1;
    trustee_status status = open_directory(s, conf);
    if (status == TRUSTEE_OK)
        status = open_folders(s, conf);
    if (status == TRUSTEE_OK)
        status = file_check(s);
    if (status != TRUSTEE_OK) {
        plugin_fini(s);
        return status;
    }
    file_check_doubles(s);
    tell_at_rest(s);
    *instance = s;
    return TRUSTEE_OK;
}

static const trustee_option OPTIONS[] = {
    {.name = TRUSTEE_TEXT("directory"),
     .help = TRUSTEE_TEXT("the folder that holds a folder for each namespace; made if its parent exists"),
     .type = TRUSTEE_OPTION_PATH,
     .flags = TRUSTEE_OPTION_REQUIRED},
    {.name = TRUSTEE_TEXT("secret_folder"),
     .help =
         TRUSTEE_TEXT("a folder of Kubernetes Secrets, one folder each: served as default/<secret>/<key>, read only"),
     .type = TRUSTEE_OPTION_PATH,
     .flags = TRUSTEE_OPTION_MANY},
};

static const trustee_interface INTERFACES[] = {
    {.kind = TRUSTEE_TEXT("storage"), .major = TRUSTEE_STORAGE_MAJOR, .vtable = &vtable},
};

static const trustee_plugin PLUGIN = {
    .size = sizeof PLUGIN,
    .abi_minor = TRUSTEE_ABI_MINOR,
    .magic = TRUSTEE_PLUGIN_MAGIC,
    .thread_model = TRUSTEE_THREADS_PARALLEL,
    .name = TRUSTEE_TEXT("file"),
    .version = TRUSTEE_TEXT(TRUSTEE_VERSION),
    .vendor = TRUSTEE_TEXT("Trustee"),
    .license = TRUSTEE_TEXT("Apache-2.0"),
    .description = TRUSTEE_TEXT("keeps values as files, and serves mounted Kubernetes Secrets"),
    .options = OPTIONS,
    .option_size = sizeof OPTIONS[0],
    .option_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .interfaces = INTERFACES,
    .interface_size = sizeof INTERFACES[0],
    .interface_count = sizeof INTERFACES / sizeof INTERFACES[0],
    .init = plugin_init,
    .fini = plugin_fini,
};

TRUSTEE_PLUGIN_EXPORT const trustee_plugin *trustee_plugin_describe_v1(void);
const trustee_plugin *trustee_plugin_describe_v1(void)
{
    return &PLUGIN;
}
