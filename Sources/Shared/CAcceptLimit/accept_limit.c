#define _GNU_SOURCE
#include "tare_accept_limit.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint_fast64_t refused;

uint64_t tare_refused_connections(void) { return atomic_load(&refused); }

uint64_t tare_reserved_descriptors(uint64_t limit) {
    uint64_t eighth = limit / 8;
    return eighth < 32 ? 32 : eighth > 256 ? 256 : eighth;
}

// The C library's function is hidden by this one, so the system is called directly.
int accept4(int listener, struct sockaddr *restrict address, socklen_t *restrict length, int flags) {
    long descriptor = syscall(SYS_accept4, listener, address, length, flags);
    if (descriptor < 0) return (int)descriptor;  // errno is set
    struct rlimit limit;
    // The system always gives the lowest free number: a high one says how many are in use.
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        (rlim_t)descriptor + tare_reserved_descriptors(limit.rlim_cur) >= limit.rlim_cur) {
        close((int)descriptor);
        atomic_fetch_add(&refused, 1);
        errno = EMFILE;
        return -1;
    }
    return (int)descriptor;
}
