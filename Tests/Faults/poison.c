/* Loaded into workers (LD_PRELOAD): opening the file whose path ends with $FAULT_FILE for the $FAULT_TIMES-th time kills the
   process, or makes it take memory without end, as $FAULT_KIND says: a sample that no worker survives. Before that a worker
   only checks that it has the same files as the coordinator; kind "count" adds a byte to $FAULT_LOG at each opening, to see
   how often. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void look(const char *path) {
    const char *wanted = getenv("FAULT_FILE"), *kind = getenv("FAULT_KIND");
    if (!path || !wanted || !kind || strlen(path) < strlen(wanted)) return;
    if (strcmp(path + strlen(path) - strlen(wanted), wanted) != 0) return;
    if (strcmp(kind, "count") == 0) {
        int log = syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (write(log, "+", 1) != 1) abort();
        close(log);
        return;
    }
    static atomic_int times;
    if (atomic_fetch_add(&times, 1) + 1 < atoi(getenv("FAULT_TIMES"))) return;
    usleep(300000); /* So that the coordinator has heard that the shard was begun; before that nobody is to blame. */
    if (strcmp(kind, "crash") == 0) kill(getpid(), SIGKILL);
    while (strcmp(kind, "memory") == 0) {
        char *bytes = mmap(0, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (bytes == MAP_FAILED) abort();
        memset(bytes, 1, 32 << 20);
    }
}

#define INTERPOSE(NAME, FIRST, PATH)                                    \
    int NAME(FIRST const char *path, int flags, ...) {                  \
        va_list arguments;                                              \
        va_start(arguments, flags);                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments);                                              \
        look(path);                                                     \
        int (*real)(FIRST const char *, int, ...) = dlsym(RTLD_NEXT, #NAME); \
        return real(PATH path, flags, mode);                            \
    }

#define NOTHING
#define FOLDER int folder,
INTERPOSE(open, NOTHING, NOTHING)
INTERPOSE(open64, NOTHING, NOTHING)
#define GIVEN folder,
INTERPOSE(openat, FOLDER, GIVEN)
INTERPOSE(openat64, FOLDER, GIVEN)
