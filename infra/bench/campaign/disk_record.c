/* Preloaded (LD_PRELOAD) it writes down what is done to files below a folder, with all data.
 *
 * RECORD_ROOT   the folder; RECORD_LOG the file: one record a call that did well, each
 *               "kind inode offset size length length\n", then the two paths and the data.
 * Kinds: c opened, made where it was not there; t cut to a length; w written; s synced; r renamed;
 *        l linked; u removed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PLAIN(name) static __typeof__(name) *plain; if (!plain) plain = dlsym(RTLD_NEXT, #name)

static const char *root;
static int record = -1;

__attribute__((constructor)) static void begin(void) {
    root = getenv("RECORD_ROOT");
    if (!root) return;
    int (*plain)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    record = plain(getenv("RECORD_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void note(char kind, long inode, long offset, const char *path, const char *other,
                 const void *data, size_t size) {
    char head[128];
    int length = snprintf(head, sizeof head, "%c %ld %ld %zu %zu %zu\n", kind, inode, offset, size,
                          strlen(path), strlen(other));
    struct iovec parts[] = {{head, length}, {(void *)path, strlen(path)},
                            {(void *)other, strlen(other)}, {(void *)data, size}};
    static ssize_t (*plain)(int, const struct iovec *, int);
    if (!plain) plain = dlsym(RTLD_NEXT, "writev");
    plain(record, parts, 4);
}

static int inside(const char *path) {
    return record >= 0 && path && strncmp(path, root, strlen(root)) == 0;
}

static int on(int file, char *path) {
    char link[64];
    if (record < 0 || file == record) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return inside(path);
}

static long inode_of(int file) {
    struct stat facts;
    return fstat(file, &facts) ? 0 : (long)facts.st_ino;
}

#define MODE mode_t mode = 0; if (flags & (O_CREAT | __O_TMPFILE)) { \
    va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
#define OPENED if (file >= 0 && (flags & O_CREAT) && inside(path)) \
        note('c', inode_of(file), 0, path, "", "", 0); \
    if (file >= 0 && (flags & O_TRUNC) && inside(path)) \
        note('t', inode_of(file), 0, path, "", "", 0); \
    return file;
#define OPEN(name) int name(const char *path, int flags, ...) { MODE PLAIN(name); \
    int file = plain(path, flags, mode); OPENED }
#define OPENAT(name) int name(int from, const char *path, int flags, ...) { MODE PLAIN(name); \
    int file = plain(from, path, flags, mode); OPENED }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

static void wrote(int file, const void *from, ssize_t size, off_t place) {
    char path[4096];
    if (size > 0 && on(file, path)) note('w', inode_of(file), place, path, "", from, size);
}

ssize_t write(int file, const void *from, size_t size) {
    PLAIN(write);
    ssize_t done = plain(file, from, size);
    if (record >= 0 && done > 0) wrote(file, from, done, lseek(file, 0, SEEK_CUR) - done);
    return done;
}

#define PWRITE(name, kind) ssize_t name(int file, const void *from, size_t size, kind place) { \
    PLAIN(name); ssize_t done = plain(file, from, size, place); \
    wrote(file, from, done, place); return done; }
PWRITE(pwrite, off_t) PWRITE(pwrite64, off64_t)

ssize_t copy_file_range(int from, off64_t *start, int file, off64_t *place, size_t size,
                        unsigned flags) {
    PLAIN(copy_file_range);
    ssize_t done = plain(from, start, file, place, size, flags);
    char path[4096];
    if (done > 0 && on(file, path)) {
        char *data = malloc(done);
        off_t read_at = (start ? *start : lseek(from, 0, SEEK_CUR)) - done;
        off_t written_at = (place ? *place : lseek(file, 0, SEEK_CUR)) - done;
        if (pread(from, data, done, read_at) == done) wrote(file, data, done, written_at);
        free(data);
    }
    return done;
}

#define CUT(name, kind) int name(int file, kind size) { PLAIN(name); int done = plain(file, size); \
    char path[4096]; if (!done && on(file, path)) note('t', inode_of(file), size, path, "", "", 0); \
    return done; }
CUT(ftruncate, off_t) CUT(ftruncate64, off64_t)

#define SYNC(name) int name(int file) { PLAIN(name); int done = plain(file); char path[4096]; \
    if (!done && on(file, path)) { note('s', inode_of(file), 0, path, "", "", 0); } return done; }
SYNC(fsync) SYNC(fdatasync)

#define TWO_PATHS(name, kind) int name(const char *old, const char *path) { PLAIN(name); \
    int done = plain(old, path); if (!done && inside(path)) note(kind, 0, 0, old, path, "", 0); \
    return done; }
TWO_PATHS(rename, 'r') TWO_PATHS(link, 'l')

int renameat(int a, const char *old, int b, const char *path) {
    PLAIN(renameat);
    int done = plain(a, old, b, path);
    if (!done && inside(path)) note('r', 0, 0, old, path, "", 0);
    return done;
}

int linkat(int a, const char *old, int b, const char *path, int flags) {
    PLAIN(linkat);
    int done = plain(a, old, b, path, flags);
    if (!done && inside(path)) note('l', 0, 0, old, path, "", 0);
    return done;
}

int unlink(const char *path) {
    PLAIN(unlink);
    int done = plain(path);
    if (!done && inside(path)) note('u', 0, 0, path, "", "", 0);
    return done;
}

int unlinkat(int from, const char *path, int flags) {
    PLAIN(unlinkat);
    int done = plain(from, path, flags);
    if (!done && inside(path)) note('u', 0, 0, path, "", "", 0);
    return done;
}
