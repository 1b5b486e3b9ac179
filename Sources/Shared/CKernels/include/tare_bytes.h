// The arithmetic of quantized modules on 8-bit integers between their sums of products, and moves of bytes.
//
// Results are those of the formulas in Double, to the bit: quotients of floats decide only where they are far enough from a half, the
// others are computed again. Nothing here allocates, reads the environment or keeps global state.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tare_integers.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes and what they stand for: ((byte ^ flip) - zero_point) * scale, where byte ^ flip is an int8_t. `flip` is 128 for unsigned
/// bytes, whose zero point is then 128 less.
typedef struct {
    const void *bytes;
    int32_t flip;
    int32_t zero_point;
    float scale;
} tare_byte_operand;

/// Real numbers as integers: clip(round(x / divisor) + zero_point), halves away from zero, within `low`...`high`, which fit a byte
/// with or without a sign. NaN gives `low`.
typedef struct {
    double divisor;
    int32_t zero_point;
    int32_t low, high;
} tare_byte_quantizer;

/// Sums of products on their way to bytes: x = (double)(sum + bias) * scale, quantized. The totals fit int32_t.
typedef struct {
    const int32_t *sums;
    size_t count;
    /// The bias of element i is bias[i % period].
    const int32_t *bias;
    size_t period;
    double scale;
    tare_byte_quantizer quantizer;
    void *results;
} tare_requantization;

void tare_requantize(tare_integer_variant variant, const tare_requantization *description);

/// Sums, or products, of the real numbers of two operands, each rounded to float and then quantized.
void tare_combine_bytes(
    tare_integer_variant variant, const tare_byte_operand *first, const tare_byte_operand *second, size_t count,
    int32_t multiplies, const tare_byte_quantizer *quantizer, void *results);

/// table[byte] for each byte.
void tare_look_up_bytes(const void *bytes, size_t count, const uint8_t *table, void *results);

/// table[256 * first + second] for each pair of bytes.
void tare_look_up_pairs(
    const void *first, const void *second, size_t count, const uint8_t *table, void *results);

/// float to bytes.
void tare_quantize_bytes(
    tare_integer_variant variant, const float *elements, size_t count, const tare_byte_quantizer *quantizer,
    void *results);

/// Bytes to float: the difference times the scale, rounded once.
void tare_dequantize_bytes(
    tare_integer_variant variant, const tare_byte_operand *operand, size_t count, float *results);

enum { TARE_MOVE_AXES = 12 };

/// Copies bytes from one arrangement to another; strides are distances in bytes. Axes that are not used have extent 1. Each byte is
/// replaced by its entry in the table when there is one.
typedef struct {
    int64_t extents[TARE_MOVE_AXES], source_strides[TARE_MOVE_AXES], target_strides[TARE_MOVE_AXES];
} tare_byte_move;

void tare_move_bytes(const tare_byte_move *move, const void *source, const uint8_t *table, void *target);

/// Copies pixels of images: the pixel at (z, y, x) of a result comes from (maps[z], maps[output[0] + y], maps[output[0] + output[1] + x]).
void tare_gather_pixels(
    const void *source, int64_t images, const int64_t input[3], const int64_t output[3], const int64_t *maps,
    size_t pixel_bytes, void *target);

/// Averages of windows of bytes, halves away from zero; channels are innermost and all belong to one group of `inputs` channels.
/// Padding counts when `counts_padding`; every window holds an element.
void tare_average_bytes(
    tare_integer_variant variant, const tare_integer_window *window, int32_t is_unsigned, int32_t counts_padding,
    const void *source, void *results);

#ifdef __cplusplus
}
#endif
