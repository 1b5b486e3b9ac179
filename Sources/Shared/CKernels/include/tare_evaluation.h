// What an evaluation does to every element: it compares two values, counts what a quantizer clamps, and rounds to the numbers
// that integers stand for.
//
// Every variant gives the same bits. Nothing here allocates, reads the environment or keeps global state.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tare_statistics.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The sums of one comparison.
typedef struct tare_error_sums {
    /// Elements of which one is not finite; they are in no other number.
    uint64_t omitted;
    /// Sums of reference^2, (candidate - reference)^2, candidate^2 and reference * candidate, in double: eight sums each take
    /// every eighth element, then sum 0 to sum 7 are added one after the other.
    double signal, error, power, product;
    /// The largest |candidate - reference|.
    double maximum;
} tare_error_sums;

/// Compares `count` elements with a reference.
void tare_error_measure(
    tare_statistics_variant variant, const float *reference, const float *candidate, size_t count,
    tare_error_sums *sums);

/// How many elements are below `lower` or above `upper`; a NaN is neither.
uint64_t tare_count_outside(
    tare_statistics_variant variant, const float *elements, size_t count, float lower, float upper);

/// Rounds elements to integers and back: round half to even(x / scale), clamped to minimum...maximum, times scale; NaN becomes
/// the minimum. This is QuantizeLinear and DequantizeLinear when the minimum is the integers' smallest without the zero
/// point and the maximum the largest, both less than 2^22 in magnitude. `results` may be `elements`.
///
/// Neighbouring `run` elements share a channel; after the last channel comes the first again. `count` is a multiple of `run`.
void tare_round_to_integers(
    tare_statistics_variant variant, const float *elements, size_t count, size_t run, size_t channels,
    const float *scales, const float *minima, const float *maxima, float *results);

#ifdef __cplusplus
}
#endif
