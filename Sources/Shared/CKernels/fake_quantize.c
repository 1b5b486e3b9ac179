#include "include/tare_fake_quantize.h"

#include <string.h>

#if defined(__x86_64__)
#define TARE_X86 1
#define TARE_AVX2 __attribute__((target("avx2")))
#define TARE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#endif
#define TARE_INLINE static inline __attribute__((always_inline))

// Functions that take or give vectors are always inlined, so no call depends on how a variant passes them.
#pragma clang diagnostic ignored "-Wpsabi"

enum { LANES = 8 };
typedef float floats __attribute__((ext_vector_type(8)));
typedef int32_t masks __attribute__((ext_vector_type(8)));
typedef double doubles __attribute__((ext_vector_type(8)));

// Half away from zero: adding the largest number below a half, with the sign, and cutting off. A half itself would take
// the number below 0.5 to 1. Numbers from 2^23 on are integers, and adding less than a half leaves them alone.
TARE_INLINE floats rounded(floats values) {
    const masks sign = (masks)values & (masks)(INT32_MIN);
    return __builtin_elementwise_trunc(values + (floats)(sign | (masks)(floats)(0x1.fffffep-2f)));
}

// NaN passes through.
TARE_INLINE floats clipped(floats values, const tare_fake_quantizer *q) {
    const floats low = values < q->minimum ? (floats)(q->minimum) : values;
    return low > q->maximum ? (floats)(q->maximum) : low;
}

TARE_INLINE floats loaded(const float *source, size_t count) {
    floats values = (floats)(0.0f);
    memcpy(&values, source, count * sizeof(float));
    return values;
}

TARE_INLINE floats forward(floats values, tare_fake_quantize_algorithm algorithm, const tare_fake_quantizer *q) {
    const floats quotients = values / q->scale;
    if (algorithm == TARE_FAKE_QUANTIZE_LSQ) {
        return (rounded(clipped(quotients + q->zero_point, q)) - q->zero_point) * q->scale;
    }
    return (clipped(rounded(quotients) + q->zero_point, q) - q->zero_point) * q->scale;
}

// The input's gradient; adds the terms of the parameter's gradient to `sums`.
TARE_INLINE floats backward(
    floats values, floats upstream, tare_fake_quantize_algorithm algorithm, const tare_fake_quantizer *q,
    doubles *sums) {
    const floats zeros = (floats)(0.0f);
    const floats quotients = values / q->scale;
    if (algorithm == TARE_FAKE_QUANTIZE) {
        const floats integers = rounded(quotients) + q->zero_point;
        return ((integers >= q->minimum) & (integers <= q->maximum)) ? upstream : zeros;
    }
    floats terms, results;
    if (algorithm == TARE_FAKE_QUANTIZE_TQT) {
        const floats integers = clipped(rounded(quotients), q);
        const masks outside = (quotients < q->minimum - 0.5f) | (quotients > q->maximum + 0.5f);
        terms = outside ? integers : integers - quotients;
        results = outside ? zeros : upstream;
    } else {
        const floats shifted = quotients + q->zero_point;
        terms = shifted > q->maximum ? (floats)(q->maximum) : rounded(shifted) - shifted;
        terms = shifted < q->minimum ? (floats)(q->minimum) : terms;
        results = ((shifted >= q->minimum) & (shifted <= q->maximum)) ? upstream : zeros;
    }
    *sums += __builtin_convertvector(upstream, doubles) * __builtin_convertvector(terms, doubles);
    return results;
}

TARE_INLINE void forward_body(
    const tare_fake_quantizer *quantizer, tare_fake_quantize_algorithm algorithm, const float *restrict elements,
    size_t count, float *restrict results) {
    const tare_fake_quantizer q = *quantizer;
    size_t start = 0;
    for (; start + LANES <= count; start += LANES) {
        const floats values = forward(loaded(elements + start, LANES), algorithm, &q);
        memcpy(results + start, &values, sizeof(values));
    }
    if (start < count) {
        const floats values = forward(loaded(elements + start, count - start), algorithm, &q);
        memcpy(results + start, &values, (count - start) * sizeof(float));
    }
}

TARE_INLINE double backward_body(
    const tare_fake_quantizer *quantizer, tare_fake_quantize_algorithm algorithm, const float *restrict elements,
    const float *restrict upstream, size_t count, float *restrict results) {
    const tare_fake_quantizer q = *quantizer;
    doubles sums = (doubles)(0.0);
    size_t start = 0;
    for (; start + LANES <= count; start += LANES) {
        const floats values =
            backward(loaded(elements + start, LANES), loaded(upstream + start, LANES), algorithm, &q, &sums);
        memcpy(results + start, &values, sizeof(values));
    }
    if (start < count) {
        const size_t rest = count - start;
        doubles last = (doubles)(0.0);
        const floats values =
            backward(loaded(elements + start, rest), loaded(upstream + start, rest), algorithm, &q, &last);
        memcpy(results + start, &values, rest * sizeof(float));
        for (size_t lane = 0; lane < rest; lane++) sums[lane] += last[lane];
    }
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
    return sum;
}

// ---- variants -----------------------------------------------------------------------------------------------------

// One copy of the loops for each algorithm, so that no element asks which it is.
#define TARE_ALGORITHMS(call)                                                                                        \
    switch (quantizer->algorithm) {                                                                                  \
    case TARE_FAKE_QUANTIZE: return call(TARE_FAKE_QUANTIZE);                                                        \
    case TARE_FAKE_QUANTIZE_TQT: return call(TARE_FAKE_QUANTIZE_TQT);                                                \
    case TARE_FAKE_QUANTIZE_LSQ: return call(TARE_FAKE_QUANTIZE_LSQ);                                                \
    }
#define TARE_FORWARD(algorithm) forward_body(quantizer, algorithm, elements, count, results)
#define TARE_BACKWARD(algorithm) backward_body(quantizer, algorithm, elements, upstream, count, results)

#define TARE_VARIANT(name, attributes)                                                                               \
    attributes static void forward_##name(                                                                           \
        const tare_fake_quantizer *quantizer, const float *elements, size_t count, float *results) {                 \
        TARE_ALGORITHMS(TARE_FORWARD)                                                                                \
    }                                                                                                                \
    attributes static double backward_##name(                                                                        \
        const tare_fake_quantizer *quantizer, const float *elements, const float *upstream, size_t count,            \
        float *results) {                                                                                            \
        TARE_ALGORITHMS(TARE_BACKWARD)                                                                               \
        return 0;                                                                                                    \
    }

TARE_VARIANT(plain, )
#ifdef TARE_X86
TARE_VARIANT(avx2, TARE_AVX2)
TARE_VARIANT(avx512, TARE_AVX512)
#endif

void tare_fake_quantize(
    tare_statistics_variant variant, const tare_fake_quantizer *quantizer, const float *elements, size_t count,
    float *results) {
#ifdef TARE_X86
    if (variant >= TARE_STATISTICS_AVX512) return forward_avx512(quantizer, elements, count, results);
    if (variant == TARE_STATISTICS_AVX2) return forward_avx2(quantizer, elements, count, results);
#endif
    forward_plain(quantizer, elements, count, results);
}

double tare_fake_quantize_gradient(
    tare_statistics_variant variant, const tare_fake_quantizer *quantizer, const float *elements,
    const float *upstream, size_t count, float *results) {
#ifdef TARE_X86
    if (variant >= TARE_STATISTICS_AVX512) return backward_avx512(quantizer, elements, upstream, count, results);
    if (variant == TARE_STATISTICS_AVX2) return backward_avx2(quantizer, elements, upstream, count, results);
#endif
    return backward_plain(quantizer, elements, upstream, count, results);
}
