#include "include/tare_bytes.h"
#include "instruction_sets.h"

#include <math.h>
#include <string.h>

enum {
    /// Elements that are computed again together.
    CHUNK = 128,
};

// Quotients beyond these saturate in every range of a byte with every zero point.
static const float most = 512.0f;

// A quotient of floats is off by at most three roundings, 512 * 3 * 2^-24 < 2^-13; what is further than that from a half rounds as
// the quotient in double does.
static const float sure = 0.5f - 0x1p-13f;

TARE_INLINE int32_t clipped(int32_t value, const tare_byte_quantizer *q) {
    value = value < q->low ? q->low : value;
    return value > q->high ? q->high : value;
}

// Half away from zero: adding the largest number below a half, with the sign, and cutting off.
TARE_INLINE int32_t nearly_quantized(float value, const tare_byte_quantizer *q, int32_t *unsure) {
    value = value > most ? most : value;
    value = value < -most ? -most : value;
    const int32_t integer = (int32_t)(value + copysignf(0x1.fffffep-2f, value));
    const float rest = value - (float)integer;
    *unsure |= (rest > sure) | (rest < -sure);
    return clipped(integer + q->zero_point, q);
}

TARE_INLINE int32_t exactly_quantized(double real, const tare_byte_quantizer *q) {
    double value = real / q->divisor;
    value = value == value ? value : -0x1p20;
    value = value > 0x1p20 ? 0x1p20 : value;
    value = value < -0x1p20 ? -0x1p20 : value;
    return clipped((int32_t)(value + copysign(0x1.fffffffffffffp-2, value)) + q->zero_point, q);
}

TARE_INLINE void requantize_body(const tare_requantization *d) {
    const tare_byte_quantizer q = d->quantizer;
    const double scale = d->scale;
    const float factor = (float)(scale / q.divisor);
    for (size_t start = 0; start < d->count; start += d->period) {
        const size_t length = d->count - start < d->period ? d->count - start : d->period;
        for (size_t at = 0; at < length; at += CHUNK) {
            const size_t count = length - at < CHUNK ? length - at : CHUNK;
            const int32_t *restrict sums = d->sums + start + at;
            const int32_t *restrict bias = d->bias + at;
            uint8_t *restrict results = (uint8_t *)d->results + start + at;
            int32_t unsure = 0;
            for (size_t i = 0; i < count; i++) {
                results[i] = (uint8_t)nearly_quantized((float)(sums[i] + bias[i]) * factor, &q, &unsure);
            }
            if (!unsure) continue;
            for (size_t i = 0; i < count; i++) {
                results[i] = (uint8_t)exactly_quantized((double)(sums[i] + bias[i]) * scale, &q);
            }
        }
    }
}

TARE_INLINE float real_of(uint8_t byte, const tare_byte_operand *operand) {
    return (float)((int8_t)(byte ^ operand->flip) - operand->zero_point) * operand->scale;
}

TARE_INLINE void combine_body(
    const tare_byte_operand *first, const tare_byte_operand *second, size_t total, int32_t multiplies,
    const tare_byte_quantizer *quantizer, void *target) {
    const tare_byte_operand a = *first, b = *second;
    const tare_byte_quantizer q = *quantizer;
    const float factor = (float)(1 / q.divisor);
    float reals[CHUNK];
    for (size_t start = 0; start < total; start += CHUNK) {
        const size_t count = total - start < CHUNK ? total - start : CHUNK;
        const uint8_t *restrict x = (const uint8_t *)a.bytes + start;
        const uint8_t *restrict y = (const uint8_t *)b.bytes + start;
        uint8_t *restrict results = (uint8_t *)target + start;
        if (multiplies) {
            for (size_t i = 0; i < count; i++) reals[i] = real_of(x[i], &a) * real_of(y[i], &b);
        } else {
            for (size_t i = 0; i < count; i++) reals[i] = real_of(x[i], &a) + real_of(y[i], &b);
        }
        int32_t unsure = 0;
        for (size_t i = 0; i < count; i++) {
            results[i] = (uint8_t)nearly_quantized(reals[i] * factor, &q, &unsure);
        }
        if (!unsure) continue;
        for (size_t i = 0; i < count; i++) results[i] = (uint8_t)exactly_quantized((double)reals[i], &q);
    }
}

TARE_INLINE void quantize_body(
    const float *restrict elements, size_t count, const tare_byte_quantizer *quantizer, uint8_t *restrict results) {
    const tare_byte_quantizer q = *quantizer;
    for (size_t i = 0; i < count; i++) results[i] = (uint8_t)exactly_quantized((double)elements[i], &q);
}

TARE_INLINE void dequantize_body(const tare_byte_operand *operand, size_t count, float *restrict results) {
    const tare_byte_operand x = *operand;
    const uint8_t *restrict bytes = x.bytes;
    for (size_t i = 0; i < count; i++) results[i] = real_of(bytes[i], &x);
}

// ---- averages -----------------------------------------------------------------------------------------------------

TARE_INLINE void add_bytes(const uint8_t *restrict bytes, size_t count, int32_t is_unsigned, int32_t *restrict sums) {
    if (is_unsigned) {
        for (size_t i = 0; i < count; i++) sums[i] += bytes[i];
    } else {
        for (size_t i = 0; i < count; i++) sums[i] += (int8_t)bytes[i];
    }
}

// One window of some channels: `start` is its corner, which may lie in the padding.
TARE_INLINE void average_window(
    const tare_integer_window *w, const int64_t start[3], int32_t is_unsigned, int32_t counts_padding,
    const uint8_t *image, int64_t first, size_t count, uint8_t *restrict results) {
    int32_t sums[CHUNK];
    memset(sums, 0, count * sizeof(int32_t));
    int64_t elements = 0;
    for (int64_t z = 0; z < w->kernel[0]; z++) {
        const int64_t from_z = start[0] + z * w->dilations[0];
        if (from_z < 0 || from_z >= w->input[0]) continue;
        for (int64_t y = 0; y < w->kernel[1]; y++) {
            const int64_t from_y = start[1] + y * w->dilations[1];
            if (from_y < 0 || from_y >= w->input[1]) continue;
            for (int64_t x = 0; x < w->kernel[2]; x++) {
                const int64_t from_x = start[2] + x * w->dilations[2];
                if (from_x < 0 || from_x >= w->input[2]) continue;
                const int64_t pixel = (from_z * w->input[1] + from_y) * w->input[2] + from_x;
                add_bytes(image + pixel * w->inputs + first, count, is_unsigned, sums);
                elements++;
            }
        }
    }
    const double divisor = (double)(counts_padding ? w->kernel[0] * w->kernel[1] * w->kernel[2] : elements);
    for (size_t i = 0; i < count; i++) {
        const double mean = (double)sums[i] / divisor;
        results[i] = (uint8_t)(int32_t)(mean + copysign(0x1.fffffffffffffp-2, mean));
    }
}

TARE_INLINE void average_body(
    const tare_integer_window *w, int32_t is_unsigned, int32_t counts_padding, const void *source, void *results) {
    const int64_t pixels = w->input[0] * w->input[1] * w->input[2];
    uint8_t *target = results;
    for (int64_t image = 0; image < w->images; image++) {
        const uint8_t *from = (const uint8_t *)source + image * pixels * w->inputs;
        for (int64_t row = 0; row < w->output[0] * w->output[1] * w->output[2]; row++, target += w->inputs) {
            const int64_t start[3] = {
                row / w->output[2] / w->output[1] * w->strides[0] - w->before[0],
                row / w->output[2] % w->output[1] * w->strides[1] - w->before[1],
                row % w->output[2] * w->strides[2] - w->before[2],
            };
            for (int64_t first = 0; first < w->inputs; first += CHUNK) {
                const size_t count = (size_t)(w->inputs - first < CHUNK ? w->inputs - first : CHUNK);
                average_window(w, start, is_unsigned, counts_padding, from, first, count, target + first);
            }
        }
    }
}

// ---- variants -----------------------------------------------------------------------------------------------------

#define TARE_VARIANT(name, attributes)                                                                               \
    attributes static void requantize_##name(const tare_requantization *d) { requantize_body(d); }                   \
    attributes static void combine_##name(                                                                           \
        const tare_byte_operand *first, const tare_byte_operand *second, size_t count, int32_t multiplies,           \
        const tare_byte_quantizer *quantizer, void *results) {                                                       \
        combine_body(first, second, count, multiplies, quantizer, results);                                          \
    }                                                                                                                \
    attributes static void quantize_##name(                                                                          \
        const float *elements, size_t count, const tare_byte_quantizer *quantizer, void *results) {                  \
        quantize_body(elements, count, quantizer, results);                                                          \
    }                                                                                                                \
    attributes static void dequantize_##name(const tare_byte_operand *operand, size_t count, float *results) {       \
        dequantize_body(operand, count, results);                                                                    \
    }                                                                                                                \
    attributes static void average_##name(                                                                           \
        const tare_integer_window *window, int32_t is_unsigned, int32_t counts_padding, const void *source,          \
        void *results) {                                                                                             \
        average_body(window, is_unsigned, counts_padding, source, results);                                          \
    }

TARE_VARIANT(plain, )
#ifdef TARE_X86
TARE_VARIANT(avx2, TARE_AVX2)
TARE_VARIANT(avx512, TARE_AVX512)
#define TARE_CALL(name, ...)                                                                                         \
    do {                                                                                                             \
        if (variant >= TARE_INTEGER_AVX512) return name##_avx512(__VA_ARGS__);                                       \
        if (variant == TARE_INTEGER_AVX2) return name##_avx2(__VA_ARGS__);                                           \
        name##_plain(__VA_ARGS__);                                                                                   \
    } while (0)
#else
#define TARE_CALL(name, ...)                                                                                         \
    do {                                                                                                             \
        (void)variant;                                                                                               \
        name##_plain(__VA_ARGS__);                                                                                   \
    } while (0)
#endif

void tare_requantize(tare_integer_variant variant, const tare_requantization *description) {
    TARE_CALL(requantize, description);
}

void tare_combine_bytes(
    tare_integer_variant variant, const tare_byte_operand *first, const tare_byte_operand *second, size_t count,
    int32_t multiplies, const tare_byte_quantizer *quantizer, void *results) {
    TARE_CALL(combine, first, second, count, multiplies, quantizer, results);
}

void tare_quantize_bytes(
    tare_integer_variant variant, const float *elements, size_t count, const tare_byte_quantizer *quantizer,
    void *results) {
    TARE_CALL(quantize, elements, count, quantizer, results);
}

void tare_dequantize_bytes(
    tare_integer_variant variant, const tare_byte_operand *operand, size_t count, float *results) {
    TARE_CALL(dequantize, operand, count, results);
}

void tare_average_bytes(
    tare_integer_variant variant, const tare_integer_window *window, int32_t is_unsigned, int32_t counts_padding,
    const void *source, void *results) {
    TARE_CALL(average, window, is_unsigned, counts_padding, source, results);
}
