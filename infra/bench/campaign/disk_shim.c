/* Preloaded (LD_PRELOAD) it counts calls on files below a folder, and has one of them fail.
 *
 * `fault_begin` starts that in a process; before, nothing is counted.
 *
 * folder   whose files count; file: 6 × 8 bytes: calls of each kind, then of the fault its time in
 *          milliseconds and how long the process had waited for a core by then, in nanoseconds
 * which    0 open, 1 write, 2 fsync, 3 rename; place: the number of the call, from 1; 0: none
 * error    what it fails with; all: 1: so do all calls of that kind after it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long *counts;
static const char *root;
static long kind = -1, at, number, stays;

void fault_begin(const char *folder, const char *file, long which, long place, long error,
                 long all) {
    int open_file = open(file, O_RDWR | O_CLOEXEC);
    long *shared = mmap(0, 6 * sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED, open_file, 0);
    close(open_file);
    root = strdup(folder);
    kind = which;
    at = place;
    number = error;
    stays = all;
    counts = shared;
}

static long waited(void) {
    char text[128] = "";
    int file = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    char *second = length > 0 ? strchr(text, ' ') : 0;
    return second ? atol(second) : 0;
}

static int fails(int which) {
    long now = __atomic_add_fetch(&counts[which], 1, __ATOMIC_SEQ_CST);
    if (which != kind || at == 0 || (stays ? now < at : now != at)) return 0;
    if (now == at) {
        struct timespec moment;
        clock_gettime(CLOCK_REALTIME, &moment);
        counts[4] = moment.tv_sec * 1000 + moment.tv_nsec / 1000000;
        counts[5] = waited();
    }
    errno = (int)number;
    return 1;
}

static int inside(const char *path) {
    return counts && path && strncmp(path, root, strlen(root)) == 0;
}

static int on(int file) {
    char link[64], path[4096];
    if (!counts) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return inside(path);
}

#define PLAIN(name) static __typeof__(name) *plain; if (!plain) plain = dlsym(RTLD_NEXT, #name)
#define MODE mode_t mode = 0; if (flags & (O_CREAT | __O_TMPFILE)) { \
    va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

#define OPEN(name) int name(const char *path, int flags, ...) { MODE PLAIN(name); \
    return inside(path) && fails(0) ? -1 : plain(path, flags, mode); }
#define OPENAT(name) int name(int from, const char *path, int flags, ...) { MODE PLAIN(name); \
    return inside(path) && fails(0) ? -1 : plain(from, path, flags, mode); }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

#define FILE_CALL(kind, type, name, declared, passed) type name declared { PLAIN(name); \
    return on(file) && fails(kind) ? -1 : plain passed; }
FILE_CALL(1, ssize_t, write, (int file, const void *from, size_t size), (file, from, size))
FILE_CALL(1, ssize_t, pwrite, (int file, const void *from, size_t size, off_t place),
          (file, from, size, place))
FILE_CALL(1, ssize_t, pwrite64, (int file, const void *from, size_t size, off64_t place),
          (file, from, size, place))
FILE_CALL(1, ssize_t, writev, (int file, const struct iovec *parts, int count),
          (file, parts, count))
FILE_CALL(1, int, ftruncate, (int file, off_t size), (file, size))
FILE_CALL(1, int, ftruncate64, (int file, off64_t size), (file, size))
FILE_CALL(2, int, fsync, (int file), (file))
FILE_CALL(2, int, fdatasync, (int file), (file))

ssize_t copy_file_range(int from, off64_t *start, int file, off64_t *place, size_t size,
                        unsigned flags) {
    PLAIN(copy_file_range);
    return on(file) && fails(1) ? -1 : plain(from, start, file, place, size, flags);
}

#define TWO_PATHS(name) int name(const char *old, const char *path) { PLAIN(name); \
    return inside(path) && fails(3) ? -1 : plain(old, path); }
TWO_PATHS(rename) TWO_PATHS(link)

int renameat(int a, const char *old, int b, const char *path) {
    PLAIN(renameat);
    return inside(path) && fails(3) ? -1 : plain(a, old, b, path);
}

int linkat(int a, const char *old, int b, const char *path, int flags) {
    PLAIN(linkat);
    return inside(path) && fails(3) ? -1 : plain(a, old, b, path, flags);
}
