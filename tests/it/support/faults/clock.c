/* Clock of a process under test, preloaded: the system's clock, plus the seconds in OFFSET_FILE. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* By system calls: an allocator reads the clock before the process is set up. */
static long offset(void) {
    long seconds = 0;
    long file = syscall(SYS_openat, AT_FDCWD, OFFSET_FILE, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        syscall(SYS_read, file, &seconds, sizeof seconds);
        syscall(SYS_close, file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    (void)zone;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}

time_t time(time_t *now) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) *now = precise.tv_sec;
    return precise.tv_sec;
}
