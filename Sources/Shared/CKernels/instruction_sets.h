// Variants of a kernel for newer processors: attributes that let a function use their instructions, and whether this
// processor has them.
#pragma once

#define TARE_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#include <immintrin.h>
#define TARE_X86 1
#define TARE_AVX2 __attribute__((target("avx2,popcnt")))
#define TARE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")))
#define TARE_VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,popcnt")))

static inline int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"); }

static inline int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("popcnt");
}

static inline int has_vnni(void) { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#endif
