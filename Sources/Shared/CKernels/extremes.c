#include "include/tare_extremes.h"

#include <float.h>
#include <math.h>

// Runs of neighbours are compared in lanes, which the compiler turns into vectors.
enum { LANES = 16 };

static inline __attribute__((always_inline)) float extreme(int32_t maximum, float best, float x) {
    const int better = maximum ? x > best : x < best;
    return better || x != x ? x : best;
}

static inline __attribute__((always_inline)) void reduce(
    int32_t maximum, const float *x, size_t outer, size_t count, size_t inner, float *y) {
    const float start = maximum ? -INFINITY : INFINITY;
    for (size_t o = 0; o < outer; o++) {
        const float *source = x + o * count * inner;
        float *target = y + o * inner;
        if (inner == 1) {
            float lanes[LANES];
            for (size_t lane = 0; lane < LANES; lane++) lanes[lane] = start;
            size_t i = 0;
            for (; i + LANES <= count; i += LANES) {
                for (size_t lane = 0; lane < LANES; lane++) {
                    lanes[lane] = extreme(maximum, lanes[lane], source[i + lane]);
                }
            }
            float best = start;
            for (size_t lane = 0; lane < LANES; lane++) best = extreme(maximum, best, lanes[lane]);
            for (; i < count; i++) best = extreme(maximum, best, source[i]);
            target[0] = best;
            continue;
        }
        for (size_t k = 0; k < inner; k++) target[k] = start;
        for (size_t i = 0; i < count; i++) {
            const float *row = source + i * inner;
            for (size_t k = 0; k < inner; k++) target[k] = extreme(maximum, target[k], row[k]);
        }
    }
}

void tare_reduce_extremes(int32_t maximum, const float *x, size_t outer, size_t count, size_t inner, float *y) {
    if (maximum) reduce(1, x, outer, count, inner, y);
    else reduce(0, x, outer, count, inner, y);
}

size_t tare_count_lowest(const float *x, size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += x[i] == -FLT_MAX;
    return found;
}
