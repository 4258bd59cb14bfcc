// What the unpack helper needs to lock itself in: calls that are variadic or have no libc wrapper, and macros that do
// not import. One line each, no logic.
#ifndef LAN_SANDBOX_H
#define LAN_SANDBOX_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// The numbers of <linux/landlock.h>, which older headers lack.
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

// The architecture that a system call of this program carries in its seccomp data: a compound macro.
#if defined(__x86_64__)
#define LAN_AUDIT_ARCH ((uint32_t)AUDIT_ARCH_X86_64)
#elif defined(__aarch64__)
#define LAN_AUDIT_ARCH ((uint32_t)AUDIT_ARCH_AARCH64)
#endif
static inline uint32_t lan_audit_arch(void) { return LAN_AUDIT_ARCH; }

// An extension of GNU.
static inline int lan_close_range(unsigned first) { return close_range(first, ~0U, 0); }

// syscall is variadic. The ruleset has one field in every version: the file rights that are denied unless allowed.
static inline int lan_landlock_version(void) { return (int)syscall(SYS_landlock_create_ruleset, (void *)0, 0UL, 1U); }
static inline int lan_landlock_deny(const uint64_t *rights) {
    return (int)syscall(SYS_landlock_create_ruleset, rights, sizeof *rights, 0U);
}
static inline int lan_landlock_restrict(int ruleset) { return (int)syscall(SYS_landlock_restrict_self, ruleset, 0U); }

// glibc has no wrapper for seccomp.
static inline int lan_seccomp_filter(const struct sock_fprog *program) {
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, program);
}

#endif
