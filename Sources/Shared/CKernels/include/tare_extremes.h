// The largest or smallest elements along an axis.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Of x [outer, count, inner] the largest (or smallest) elements y [outer, inner]; NaN wins, as in NumPy.
/// Without elements (count 0) -infinity (+infinity).
void tare_reduce_extremes(int32_t maximum, const float *x, size_t outer, size_t count, size_t inner, float *y);

/// How many elements are the lowest finite number.
size_t tare_count_lowest(const float *x, size_t count);

#ifdef __cplusplus
}
#endif
