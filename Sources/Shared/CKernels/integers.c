#include "include/tare_integers.h"
#include "instruction_sets.h"

#include <math.h>
#include <string.h>

// Elements that stay in the first-level cache from one pass over them to the next.
enum { BLOCK = 4096 };

// The bodies are loops that the compiler turns into the instructions of each variant.

// Half away from zero: adding the largest number below a half, with the sign, and cutting off. A half itself would take
// the number below 0.5 to 1.
TARE_INLINE int32_t rounded(float product, float low, float high) {
    float value = product > high ? high : product;
    value = value < low ? low : value;
    value = value == value ? value : 0.0f;
    return (int32_t)(value + copysignf(0x1.fffffep-2f, value));
}

TARE_INLINE void quantize_body(
    const float *restrict elements, size_t count, float scale, int32_t wide, void *results) {
    if (wide) {
        int16_t *restrict out = results;
        for (size_t i = 0; i < count; i++) out[i] = (int16_t)rounded(elements[i] * scale, -32768.0f, 32767.0f);
    } else {
        int8_t *restrict out = results;
        for (size_t i = 0; i < count; i++) out[i] = (int8_t)rounded(elements[i] * scale, -128.0f, 127.0f);
    }
}

TARE_INLINE void normalize_body(
    const float *restrict elements, size_t count, float mean, float std, float *restrict results) {
    for (size_t i = 0; i < count; i++) results[i] = (elements[i] - mean) / std;
}

TARE_INLINE void interleave_body(
    const void *plane, size_t count, int32_t wide, size_t planes, void *results) {
    if (wide) {
        const int16_t *restrict in = plane;
        int16_t *restrict out = results;
        for (size_t i = 0; i < count; i++) out[i * planes] = in[i];
    } else {
        const int8_t *restrict in = plane;
        int8_t *restrict out = results;
        for (size_t i = 0; i < count; i++) out[i * planes] = in[i];
    }
}

TARE_INLINE void quantize_planes_body(
    const float *elements, size_t planes, size_t size, const float *mean, const float *std, float scale,
    int32_t wide, void *results) {
    float normalized[BLOCK];
    int16_t quantized[BLOCK];
    const size_t width = wide ? sizeof(int16_t) : sizeof(int8_t);
    for (size_t start = 0; start < size; start += BLOCK) {
        const size_t count = size - start < BLOCK ? size - start : BLOCK;
        for (size_t plane = 0; plane < planes; plane++) {
            const float *source = elements + plane * size + start;
            if (mean) {
                normalize_body(source, count, mean[plane], std[plane], normalized);
                source = normalized;
            }
            quantize_body(source, count, scale, wide, quantized);
            interleave_body(quantized, count, wide, planes, (char *)results + (start * planes + plane) * width);
        }
    }
}

TARE_INLINE void multiply_body(
    const int32_t *restrict sums, size_t count, const float *restrict factors, const float *restrict bias,
    float lower, float upper, float *restrict results) {
    for (size_t i = 0; i < count; i++) {
        float value = (float)sums[i] * factors[i] + bias[i];
        value = value < lower ? lower : value;
        results[i] = value > upper ? upper : value;
    }
}

TARE_INLINE void divide_body(
    const int64_t *restrict sums, size_t count, const double *restrict divisors, const float *restrict bias,
    float lower, float upper, float *restrict results) {
    for (size_t i = 0; i < count; i++) {
        float value = (float)((double)sums[i] / divisors[i]) + bias[i];
        value = value < lower ? lower : value;
        results[i] = value > upper ? upper : value;
    }
}

TARE_INLINE void add_body(
    float *restrict values, const float *addend, size_t count, float lower, float upper, float *result) {
    for (size_t i = 0; i < count; i++) {
        float value = values[i] + addend[i];
        value = value < lower ? lower : value;
        values[i] = value > upper ? upper : value;
    }
    if (result) memcpy(result, values, count * sizeof(float));
}

TARE_INLINE void dequantize_segment(
    const tare_dequantization *d, size_t offset, size_t channel, size_t count, float *values) {
    if (d->sums) {
        multiply_body(
            d->sums + offset, count, d->factors + channel, d->bias + channel, d->lower, d->upper, values);
    } else {
        divide_body(
            d->wide_sums + offset, count, d->divisors + channel, d->bias + channel, d->lower, d->upper, values);
    }
}

// `values` holds the real numbers before the addition.
TARE_INLINE void finish_body(const tare_dequantization *d, size_t offset, size_t count, float *values) {
    float *result = d->result ? d->result + offset : NULL;
    if (d->addend) {
        add_body(values, d->addend + offset, count, d->last_lower, d->last_upper, result);
    } else if (result) {
        memcpy(result, values, count * sizeof(float));
    }
    for (int32_t i = 0; i < d->quantized_count; i++) {
        const size_t width = d->quantized[i].wide ? sizeof(int16_t) : sizeof(int8_t);
        quantize_body(
            values, count, d->quantized[i].scale, d->quantized[i].wide,
            (char *)d->quantized[i].address + offset * width);
    }
}

TARE_INLINE void dequantize_body(const tare_dequantization *d) {
    float values[BLOCK];
    if (d->channels > BLOCK) {
        for (size_t row = 0; row < d->rows; row++) {
            for (size_t channel = 0; channel < d->channels; channel += BLOCK) {
                const size_t count = d->channels - channel < BLOCK ? d->channels - channel : BLOCK;
                const size_t offset = row * d->channels + channel;
                dequantize_segment(d, offset, channel, count, values);
                finish_body(d, offset, count, values);
            }
        }
        return;
    }
    const size_t step = BLOCK / d->channels;
    for (size_t start = 0; start < d->rows; start += step) {
        const size_t rows = d->rows - start < step ? d->rows - start : step;
        const size_t offset = start * d->channels;
        for (size_t row = 0; row < rows; row++) {
            const size_t position = row * d->channels;
            dequantize_segment(d, offset + position, 0, d->channels, values + position);
        }
        finish_body(d, offset, rows * d->channels, values);
    }
}

// ---- variants -----------------------------------------------------------------------------------------------------

#define TARE_VARIANT(name, attributes)                                                                               \
    attributes static void quantize_##name(                                                                          \
        const float *elements, size_t count, float scale, int32_t wide, void *results) {                             \
        quantize_body(elements, count, scale, wide, results);                                                        \
    }                                                                                                                \
    attributes static void quantize_planes_##name(                                                                   \
        const float *elements, size_t planes, size_t size, const float *mean, const float *std, float scale,         \
        int32_t wide, void *results) {                                                                               \
        quantize_planes_body(elements, planes, size, mean, std, scale, wide, results);                               \
    }                                                                                                                \
    attributes static void dequantize_##name(const tare_dequantization *description) {                               \
        dequantize_body(description);                                                                                \
    }

TARE_VARIANT(plain, )
#ifdef TARE_X86
TARE_VARIANT(avx2, TARE_AVX2)
TARE_VARIANT(avx512, TARE_AVX512)
#endif

int tare_integer_is_supported(tare_integer_variant variant) {
    switch (variant) {
    case TARE_INTEGER_PLAIN: return 1;
#ifdef TARE_X86
    case TARE_INTEGER_AVX2: return has_avx2();
    case TARE_INTEGER_AVX512: return has_avx512();
    case TARE_INTEGER_AVX512_VNNI: return has_vnni();
#else
    case TARE_INTEGER_AVX2:
    case TARE_INTEGER_AVX512:
    case TARE_INTEGER_AVX512_VNNI: return 0;
#endif
    }
    return 0;
}

tare_integer_variant tare_integer_best_variant(void) {
    for (int variant = TARE_INTEGER_AVX512_VNNI; variant > TARE_INTEGER_PLAIN; variant--) {
        if (tare_integer_is_supported((tare_integer_variant)variant)) return (tare_integer_variant)variant;
    }
    return TARE_INTEGER_PLAIN;
}

void tare_quantize(
    tare_integer_variant variant, const float *elements, size_t count, float scale, int32_t wide, void *results) {
#ifdef TARE_X86
    if (variant >= TARE_INTEGER_AVX512) return quantize_avx512(elements, count, scale, wide, results);
    if (variant == TARE_INTEGER_AVX2) return quantize_avx2(elements, count, scale, wide, results);
#endif
    quantize_plain(elements, count, scale, wide, results);
}

void tare_quantize_planes(
    tare_integer_variant variant, const float *elements, size_t planes, size_t size, const float *mean,
    const float *std, float scale, int32_t wide, void *results) {
#ifdef TARE_X86
    if (variant >= TARE_INTEGER_AVX512) {
        return quantize_planes_avx512(elements, planes, size, mean, std, scale, wide, results);
    }
    if (variant == TARE_INTEGER_AVX2) {
        return quantize_planes_avx2(elements, planes, size, mean, std, scale, wide, results);
    }
#endif
    quantize_planes_plain(elements, planes, size, mean, std, scale, wide, results);
}

void tare_dequantize(tare_integer_variant variant, const tare_dequantization *description) {
    if (description->channels == 0) return;
#ifdef TARE_X86
    if (variant >= TARE_INTEGER_AVX512) return dequantize_avx512(description);
    if (variant == TARE_INTEGER_AVX2) return dequantize_avx2(description);
#endif
    dequantize_plain(description);
}
