/* A file system that does as little as it may: one byte a write, a piece a read, every third call interrupted.
   Preloaded by the fault `shorts`; sockets and pipes are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_ulong calls;

static int is_file(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* Whether the call is to do its work; of those that do, the bytes it may. */
static int may(int fd, size_t *count, size_t most) {
    if (!is_file(fd)) return 1;
    unsigned long number = atomic_fetch_add(&calls, 1);
    if (number % 3 == 2) {
        errno = EINTR;
        return 0;
    }
    size_t piece = most == 1 ? 1 : 1 + number * 7919 % most;
    if (*count > piece) *count = piece;
    return 1;
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(write);
    return may(fd, &count, 1) ? next(fd, bytes, count) : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    NEXT(pwrite);
    return may(fd, &count, 1) ? next(fd, bytes, count, offset) : -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    NEXT(pwrite64);
    return may(fd, &count, 1) ? next(fd, bytes, count, offset) : -1;
}

ssize_t read(int fd, void *bytes, size_t count) {
    NEXT(read);
    return may(fd, &count, 8192) ? next(fd, bytes, count) : -1;
}

ssize_t pread(int fd, void *bytes, size_t count, off_t offset) {
    NEXT(pread);
    return may(fd, &count, 8192) ? next(fd, bytes, count, offset) : -1;
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    NEXT(pread64);
    return may(fd, &count, 8192) ? next(fd, bytes, count, offset) : -1;
}

int fsync(int fd) {
    NEXT(fsync);
    size_t count = 0;
    return may(fd, &count, 1) ? next(fd) : -1;
}

int fdatasync(int fd) {
    NEXT(fdatasync);
    size_t count = 0;
    return may(fd, &count, 1) ? next(fd) : -1;
}
