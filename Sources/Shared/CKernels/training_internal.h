// What the C kernels of training share: one body per kernel, compiled for each instruction set.
//
// Bodies use no fused multiplications (-ffp-contract=off) and keep the order of sums in arrays of fixed length, so every
// variant gives the same results to the bit.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "include/tare_statistics.h"
#include "include/tare_training.h"

// Loops whose results may lie where their operands do, element by element. Those with calls in them stay scalar.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"
#define TARE_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#else
#define TARE_ELEMENTWISE _Pragma("GCC ivdep")
#endif
/// The instructions that kernels use: the best of this machine, or what tests limit them to.
tare_statistics_variant tare_training_variant(void);

#define TARE_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define TARE_AVX2 __attribute__((target("avx2,popcnt")))
#define TARE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")))
/// Defines `name` from `body`, which is always inlined, with the variant that this machine can run best.
#define TARE_VARIANTS(name, body, parameters, arguments)                          \
    static void name##_plain parameters { body arguments; }                       \
    TARE_AVX2 static void name##_avx2 parameters { body arguments; }              \
    TARE_AVX512 static void name##_avx512 parameters { body arguments; }          \
    void name parameters {                                                        \
        switch (tare_training_variant()) {                                        \
            case TARE_STATISTICS_AVX512: name##_avx512 arguments; return;         \
            case TARE_STATISTICS_AVX2: name##_avx2 arguments; return;             \
            default: name##_plain arguments; return;                              \
        }                                                                         \
    }
#else
#define TARE_VARIANTS(name, body, parameters, arguments) \
    void name parameters { body arguments; }
#endif

/// Partial sums of one long sum.
enum { TARE_LANES = 8 };

/// ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).
TARE_INLINE double lanes_total(const double *lanes) {
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// Kernels that only other C kernels call.
void tare_training_clip_bounds(const float *x, float lower, float upper, float *y, size_t count);
void tare_training_clip_bounds_backward(
    const float *x, float lower, float upper, const float *dy, float *dx, size_t count);
void tare_training_channel_statistics(
    const float *x, size_t rows, size_t channels, double *means, double *squares);
void tare_training_affine(
    const float *x, size_t rows, size_t channels, const float *factor, const float *offset, int32_t relu, float *y);
void tare_training_gradient_sums(
    const float *x, const float *y, const float *dy, size_t rows, size_t channels, const float *mean, double *shifts,
    double *scales);
void tare_training_norm_gradient(
    const float *x, const float *y, const float *dy, size_t rows, size_t channels, const float *mean, const float *a,
    const float *b, const float *c, float *dx);
