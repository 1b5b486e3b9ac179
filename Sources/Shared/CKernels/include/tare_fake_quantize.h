// Fake quantization of a run of floats with one scale, forward and backward.
//
// Every variant gives the same results to the bit; `FakeQuantizer` in Quantization defines them. Nothing here allocates or keeps state.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tare_statistics.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What rounds.
typedef enum tare_fake_quantize_algorithm {
    TARE_FAKE_QUANTIZE = 0,
    TARE_FAKE_QUANTIZE_TQT = 1,
    TARE_FAKE_QUANTIZE_LSQ = 2,
} tare_fake_quantize_algorithm;

/// The grid; zero_point is 0 for TQT.
typedef struct tare_fake_quantizer {
    tare_fake_quantize_algorithm algorithm;
    float scale, zero_point, minimum, maximum;
} tare_fake_quantizer;

/// Rounds `count` elements. The results must not overlap the elements.
void tare_fake_quantize(
    tare_statistics_variant variant, const tare_fake_quantizer *quantizer, const float *elements, size_t count,
    float *results);

/// Writes the gradients of `count` elements and returns the sum of the parameter's terms.
///
/// Terms i, i + 8, i + 16, ... are added in this order to the i-th of eight doubles, and these in order to the result.
/// The results must not overlap what is read.
double tare_fake_quantize_gradient(
    tare_statistics_variant variant, const tare_fake_quantizer *quantizer, const float *elements,
    const float *upstream, size_t count, float *results);

#ifdef __cplusplus
}
#endif
