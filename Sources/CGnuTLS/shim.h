#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gnutls/crypto.h>
#include <gnutls/abstract.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

// Swift sees neither compiler builtins nor the auxiliary vector; without AES in hardware ChaCha20 is offered first.
static inline int lan_cpu_has_aes(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & (1UL << 3)) != 0;  // HWCAP_AES
#else
    return 0;
#endif
}

// `gnutls_free` is a variable, which Swift 6 takes for shared mutable state; it never changes.
static inline void lan_gnutls_free(void *memory) { gnutls_free(memory); }
