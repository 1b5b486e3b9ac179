#include "include/tare_evaluation.h"

#include <string.h>

#if defined(__x86_64__)
#define TARE_X86 1
#define TARE_AVX2 __attribute__((target("avx2,popcnt")))
#define TARE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")))
#endif
#define TARE_INLINE static inline __attribute__((always_inline))

// ---- comparison ---------------------------------------------------------------------------------------------------

// Eight elements; each variant has them in as many registers as it needs.
typedef float floats_t __attribute__((ext_vector_type(8)));
typedef int32_t integers_t __attribute__((ext_vector_type(8)));
typedef double doubles_t __attribute__((ext_vector_type(8)));

typedef struct {
    doubles_t signal, error, power, product, maximum;
    // Minus the number of finite pairs.
    integers_t finite;
} lanes_t;

// A product of two floats is exact in double, so adding it in the same instruction rounds as adding it afterwards does. The
// difference of two floats need not be one.
TARE_INLINE void add_product(doubles_t *sum, const doubles_t *left, const doubles_t *right, int fuses) {
    *sum = fuses ? __builtin_elementwise_fma(*left, *right, *sum) : *left * *right + *sum;
}

TARE_INLINE void add_lanes(lanes_t *lanes, const float *reference, const float *candidate, int fuses) {
    floats_t x, y;
    memcpy(&x, reference, sizeof x);
    memcpy(&y, candidate, sizeof y);
    // An infinity or NaN minus itself is not a number.
    const integers_t finite = ((x - x) == (floats_t)0) & ((y - y) == (floats_t)0);
    lanes->finite += finite;
    // Zeros change no sum.
    const doubles_t left = __builtin_convertvector((floats_t)((integers_t)x & finite), doubles_t);
    const doubles_t right = __builtin_convertvector((floats_t)((integers_t)y & finite), doubles_t);
    const doubles_t difference = right - left;
    const doubles_t magnitude = __builtin_elementwise_abs(difference);
    add_product(&lanes->signal, &left, &left, fuses);
    add_product(&lanes->power, &right, &right, fuses);
    add_product(&lanes->product, &left, &right, fuses);
    lanes->error += difference * difference;
    lanes->maximum = magnitude > lanes->maximum ? magnitude : lanes->maximum;
}

TARE_INLINE double total(const doubles_t *lanes) {
    double sum = (*lanes)[0];
    for (int lane = 1; lane < 8; lane++) sum += (*lanes)[lane];
    return sum;
}

TARE_INLINE uint64_t count_finite(const integers_t *lanes) {
    uint64_t sum = 0;
    for (int lane = 0; lane < 8; lane++) sum += (uint64_t)-(int64_t)(*lanes)[lane];
    return sum;
}

TARE_INLINE void measure_body(
    const float *reference, const float *candidate, size_t count, tare_error_sums *sums, int fuses) {
    lanes_t lanes;
    memset(&lanes, 0, sizeof lanes);
    uint64_t finite = 0;
    const size_t whole = count / 8 * 8;
    // A lane counts to 2^31.
    const size_t most = (size_t)1 << 30;
    for (size_t start = 0; start < whole;) {
        const size_t end = whole - start < most ? whole : start + most;
        lanes_t part = lanes;
        part.finite = (integers_t)0;
        for (; start < end; start += 8) add_lanes(&part, reference + start, candidate + start, fuses);
        finite += count_finite(&part.finite);
        lanes = part;
    }
    if (whole < count) {
        float left[8] = {0}, right[8] = {0};
        memcpy(left, reference + whole, (count - whole) * sizeof(float));
        memcpy(right, candidate + whole, (count - whole) * sizeof(float));
        lanes.finite = (integers_t)0;
        add_lanes(&lanes, left, right, fuses);
        // The padding is finite.
        finite += count_finite(&lanes.finite) - (8 - (count - whole));
    }
    sums->omitted = count - finite;
    sums->signal = total(&lanes.signal);
    sums->error = total(&lanes.error);
    sums->power = total(&lanes.power);
    sums->product = total(&lanes.product);
    sums->maximum = 0;
    for (int lane = 0; lane < 8; lane++) {
        if (lanes.maximum[lane] > sums->maximum) sums->maximum = lanes.maximum[lane];
    }
}

// ---- clamped elements ---------------------------------------------------------------------------------------------

TARE_INLINE uint64_t count_outside_body(const float *elements, size_t count, float lower, float upper) {
    uint64_t total = 0;
    for (size_t start = 0; start < count;) {
        // Narrow counters, as wide as the elements.
        const size_t end = count - start < ((size_t)1 << 30) ? count : start + ((size_t)1 << 30);
        uint32_t part = 0;
        for (; start < end; start++) part += (uint32_t)((elements[start] < lower) | (elements[start] > upper));
        total += part;
    }
    return total;
}

// ---- rounding -----------------------------------------------------------------------------------------------------

TARE_INLINE float rounded(float element, float scale, float minimum, float maximum) {
    // Adding this to a number below 2^22 in magnitude rounds it half to even; taking it off again leaves +0, not -0.
    const float rounder = 0x1.8p23f;
    const float quotient = element / scale;
    // Cutting off first and rounding then is the same, since the ends are integers. NaN is not above the minimum.
    float clamped = quotient > minimum ? quotient : minimum;
    clamped = clamped < maximum ? clamped : maximum;
    return ((clamped + rounder) - rounder) * scale;
}

// Results may lie over the elements, but then each over its own: no iteration waits for another.
#if defined(__clang__)
#define TARE_EACH_BY_ITSELF _Pragma("clang loop vectorize(assume_safety)")
#else
#define TARE_EACH_BY_ITSELF _Pragma("GCC ivdep")
#endif

TARE_INLINE void round_body(
    const float *elements, size_t count, size_t run, size_t channels, const float *scales, const float *minima,
    const float *maxima, float *results) {
    if (run == 1) {
        for (size_t row = 0; row + channels <= count; row += channels) {
            TARE_EACH_BY_ITSELF
            for (size_t c = 0; c < channels; c++) {
                results[row + c] = rounded(elements[row + c], scales[c], minima[c], maxima[c]);
            }
        }
        return;
    }
    size_t channel = 0;
    for (size_t start = 0; start < count; start += run) {
        const float scale = scales[channel], minimum = minima[channel], maximum = maxima[channel];
        TARE_EACH_BY_ITSELF
        for (size_t i = start; i < start + run; i++) results[i] = rounded(elements[i], scale, minimum, maximum);
        channel = channel + 1 == channels ? 0 : channel + 1;
    }
}

// ---- variants -----------------------------------------------------------------------------------------------------

#define TARE_VARIANT(name, attributes, fuses)                                                                        \
    attributes static void measure_##name(                                                                           \
        const float *reference, const float *candidate, size_t count, tare_error_sums *sums) {                       \
        measure_body(reference, candidate, count, sums, fuses);                                                      \
    }                                                                                                                \
    attributes static uint64_t count_outside_##name(                                                                 \
        const float *elements, size_t count, float lower, float upper) {                                             \
        return count_outside_body(elements, count, lower, upper);                                                    \
    }                                                                                                                \
    attributes static void round_##name(                                                                             \
        const float *elements, size_t count, size_t run, size_t channels, const float *scales, const float *minima,  \
        const float *maxima, float *results) {                                                                       \
        round_body(elements, count, run, channels, scales, minima, maxima, results);                                 \
    }

TARE_VARIANT(plain, , 0)
#ifdef TARE_X86
TARE_VARIANT(avx2, TARE_AVX2, 0)
TARE_VARIANT(avx512, TARE_AVX512, 1)
#endif

void tare_error_measure(
    tare_statistics_variant variant, const float *reference, const float *candidate, size_t count,
    tare_error_sums *sums) {
#ifdef TARE_X86
    if (variant == TARE_STATISTICS_AVX512) return measure_avx512(reference, candidate, count, sums);
    if (variant == TARE_STATISTICS_AVX2) return measure_avx2(reference, candidate, count, sums);
#endif
    measure_plain(reference, candidate, count, sums);
}

uint64_t tare_count_outside(
    tare_statistics_variant variant, const float *elements, size_t count, float lower, float upper) {
#ifdef TARE_X86
    if (variant == TARE_STATISTICS_AVX512) return count_outside_avx512(elements, count, lower, upper);
    if (variant == TARE_STATISTICS_AVX2) return count_outside_avx2(elements, count, lower, upper);
#endif
    return count_outside_plain(elements, count, lower, upper);
}

void tare_round_to_integers(
    tare_statistics_variant variant, const float *elements, size_t count, size_t run, size_t channels,
    const float *scales, const float *minima, const float *maxima, float *results) {
#ifdef TARE_X86
    if (variant == TARE_STATISTICS_AVX512) {
        return round_avx512(elements, count, run, channels, scales, minima, maxima, results);
    }
    if (variant == TARE_STATISTICS_AVX2) {
        return round_avx2(elements, count, run, channels, scales, minima, maxima, results);
    }
#endif
    round_plain(elements, count, run, channels, scales, minima, maxima, results);
}
