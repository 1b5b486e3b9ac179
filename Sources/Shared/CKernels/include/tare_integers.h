// The arithmetic of the simulated device between its integer products: quantization, dequantization with what follows, and
// exact integer convolution on any processor.
//
// Every variant gives the same bits. Nothing here allocates, reads the environment or keeps global state.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Which instructions a call uses.
typedef enum tare_integer_variant {
    TARE_INTEGER_PLAIN = 0,
    TARE_INTEGER_AVX2 = 1,
    /// AVX-512 with BW, DQ and VL.
    TARE_INTEGER_AVX512 = 2,
    /// The same with VNNI.
    TARE_INTEGER_AVX512_VNNI = 3,
} tare_integer_variant;

/// Whether this machine can run a variant.
int tare_integer_is_supported(tare_integer_variant variant);

/// The fastest variant that this machine can run.
tare_integer_variant tare_integer_best_variant(void);

/// clamp(round(x * scale)): the product is rounded to float, `round` is half away from zero, NaN gives 0. The results are
/// int16_t when `wide`, else int8_t.
void tare_quantize(
    tare_integer_variant variant, const float *elements, size_t count, float scale, int32_t wide, void *results);

/// Quantizes `planes` consecutive planes of `size` elements and puts the elements of different planes side by side:
/// results[i * planes + p]. When `mean` is not null, plane p is first (x - mean[p]) / std[p].
void tare_quantize_planes(
    tare_integer_variant variant, const float *elements, size_t planes, size_t size, const float *mean,
    const float *std, float scale, int32_t wide, void *results);

enum { TARE_INTEGER_MAX_RESULTS = 4 };

/// One place where real numbers go as integers.
typedef struct {
    void *address;
    float scale;
    int32_t wide;
} tare_quantized_result;

/// Sums of products on their way to real numbers: rows * channels, dense, channels innermost.
typedef struct {
    /// One of the two.
    const int32_t *sums;
    const int64_t *wide_sums;
    size_t rows;
    size_t channels;
    /// For `sums`: (float)sum * factor of the channel.
    const float *factors;
    /// For `wide_sums`: (float)((double)sum / divisor of the channel).
    const double *divisors;
    /// Added; -0 changes nothing.
    const float *bias;
    /// Then x < lower ? lower : x, and x > upper ? upper : x.
    float lower, upper;
    /// Then added, when not null; dense like the sums.
    const float *addend;
    /// Then clamped again.
    float last_lower, last_upper;
    /// Where the real numbers go, or null. May be `addend`.
    float *result;
    /// How often they are quantized, each time as in `tare_quantize`.
    int32_t quantized_count;
    tare_quantized_result quantized[TARE_INTEGER_MAX_RESULTS];
} tare_dequantization;

void tare_dequantize(tare_integer_variant variant, const tare_dequantization *description);

/// A convolution over up to three spatial axes; missing axes come first and have extent 1. Channels are innermost.
typedef struct {
    int64_t images;
    int64_t groups;
    /// Channels of one group.
    int64_t inputs, outputs;
    int64_t input[3], output[3], kernel[3], strides[3], dilations[3];
    /// Zeros before each axis; those after it follow from the outputs.
    int64_t before[3];
    /// Of a source that is not wide: whether its bytes have no sign, and what is subtracted from each; padding is zero after that.
    int32_t source_is_unsigned, source_zero_point;
} tare_integer_window;

/// How many int16_t packed weights need.
size_t tare_integer_packed_count(tare_integer_variant variant, const tare_integer_window *window);

/// Packs `weights` [groups * outputs, inputs, kernel...] for one variant.
void tare_integer_pack(
    tare_integer_variant variant, const tare_integer_window *window, const int16_t *weights, int16_t *packed);

/// Bytes that a convolution needs beside its operands, to be aligned to 64.
size_t tare_integer_workspace_size(tare_integer_variant variant, const tare_integer_window *window, int32_t wide);

/// Exact sums of products. The source is int8_t or uint8_t and the sums are int32_t, which they must fit; when `wide`, int16_t
/// and int64_t. Weights as packed for the variant; within -255...255 unless `wide`.
void tare_integer_convolve(
    tare_integer_variant variant, const tare_integer_window *window, int32_t wide, const void *source,
    const int16_t *packed, void *workspace, void *sums);

#ifdef __cplusplus
}
#endif
