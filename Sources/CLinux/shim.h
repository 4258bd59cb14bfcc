#define _GNU_SOURCE
// Calls and constants that Swift's Glibc module does not show: extensions, variadic functions, macros with casts,
// unions and flexible arrays. One line each and no logic; the errno of a failed call is read by the caller.
#include <features.h>
// Swift's Glibc is read without _GNU_SOURCE and names a member of fd_set otherwise; two definitions do not merge.
#undef __USE_XOPEN
#include <sys/select.h>
#define __USE_XOPEN 1
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Debian 12's <netinet/udp.h> has both; older kernels answer ENOPROTOOPT.
static inline int lan_UDP_SEGMENT(void) { return UDP_SEGMENT; }
static inline int lan_UDP_GRO(void) { return UDP_GRO; }

// glibc has no openat2.
static inline int lan_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

// Extensions of GNU, hidden from Swift's Glibc module.
static inline int lan_renameat2(int from, const char *a, int to, const char *b, unsigned flags) {
    return renameat2(from, a, to, b, flags);
}
static inline unsigned lan_RENAME_EXCHANGE(void) { return RENAME_EXCHANGE; }
static inline unsigned lan_RENAME_NOREPLACE(void) { return RENAME_NOREPLACE; }
static inline int lan_syncfs(int fd) { return syncfs(fd); }
static inline int lan_fallocate(int fd, int mode, off_t offset, off_t length) {
    return fallocate(fd, mode, offset, length);
}
static inline int lan_pipe2(int *ends, int flags) { return pipe2(ends, flags); }
static inline int lan_accept4(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }
static inline int lan_recvmmsg(int fd, struct mmsghdr *messages, unsigned count) {
    return recvmmsg(fd, messages, count, 0, NULL);
}
static inline int lan_sendmmsg(int fd, struct mmsghdr *messages, unsigned count) {
    return sendmmsg(fd, messages, count, MSG_NOSIGNAL);
}
static inline int lan_closefrom(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}

// O_PATH belongs to extensions too.
static inline uint64_t lan_O_PATH(void) { return O_PATH; }

// Variadic functions.
static inline int lan_fcntl(int fd, int command, int argument) { return fcntl(fd, command, argument); }
static inline int lan_prctl(int option, unsigned long argument) { return prctl(option, argument, 0, 0, 0); }
static inline int lan_openat(int dir, const char *path, int flags, unsigned mode) {
    return openat(dir, path, flags, mode);
}
static inline int lan_ioprio_set(int value) { return (int)syscall(SYS_ioprio_set, 1, 0, value); }

// No glibc function before 2.36 (pidfd_open), and an enum that Swift would need to cast (P_PIDFD).
static inline int lan_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static inline int lan_pidfd_send_signal(int pidfd, int number) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}
static inline int lan_waitid_pidfd(int pidfd, siginfo_t *info, int options) {
    return waitid((idtype_t)3, (id_t)pidfd, info, options);
}
// Members of a union that Swift sees as nothing.
static inline int lan_siginfo_code(const siginfo_t *info) { return info->si_code; }
static inline int lan_siginfo_status(const siginfo_t *info) { return info->si_status; }
static inline int lan_siginfo_pid(const siginfo_t *info) { return info->si_pid; }

// The tag is a member of a union in a packed struct.
static inline int lan_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event e = { .events = events, .data.u64 = tag };
    return epoll_ctl(epoll, operation, fd, &e);
}
static inline uint64_t lan_epoll_tag(const struct epoll_event *event) { return event->data.u64; }
// The nanoseconds of UINT64_MAX mean "no limit", which is a null pointer for the kernel.
static inline int lan_epoll_pwait2(int epoll, struct epoll_event *events, int count, uint64_t ns) {
    struct timespec t = { (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
    return epoll_pwait2(epoll, events, count, ns == UINT64_MAX ? NULL : &t, NULL);
}

// d_name and name are arrays of no fixed length.
static inline const char *lan_dirent_name(const struct dirent *entry) { return entry->d_name; }
static inline int lan_dirent_type(const struct dirent *entry) { return entry->d_type; }
static inline const char *lan_inotify_name(const struct inotify_event *event) { return event->name; }

#include "sandbox.h"
