// Copies, sums and extremes along index tables.
#include "training_internal.h"

static _Atomic int32_t limit = TARE_STATISTICS_AVX512;

void tare_training_limit(int32_t variant) { limit = variant; }

tare_statistics_variant tare_training_variant(void) {
    const tare_statistics_variant best = tare_statistics_best_variant();
    const int32_t most = limit;
    return (int32_t)best <= most ? best : (tare_statistics_variant)most;
}

void tare_training_copy_rows(
    const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) memcpy(y + row * y_stride, x + row * x_stride, width * sizeof *y);
}

void tare_training_gather(const float *x, const int32_t *table, float fill, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = table[i] < 0 ? fill : x[table[i]];
}

void tare_training_scatter(const float *x, const int32_t *table, double *sums, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (table[i] >= 0) sums[table[i]] += x[i];
    }
}

TARE_INLINE void period_sums_body(const float *x, size_t period, double *sums, size_t count) {
    for (size_t start = 0; start + period <= count; start += period) {
        TARE_ELEMENTWISE
        for (size_t k = 0; k < period; k++) sums[k] += x[start + k];
    }
}

TARE_VARIANTS(
    tare_training_period_sums, period_sums_body, (const float *x, size_t period, double *sums, size_t count),
    (x, period, sums, count))

void tare_training_scatter_float(const float *x, const int32_t *table, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (table[i] >= 0) y[table[i]] += x[i];
    }
}

void tare_training_round_sums(const double *sums, double factor, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = (float)(factor * sums[i]);
}

TARE_INLINE void total_body(const float *x, double factor, float *y, size_t count) {
    double lanes[TARE_LANES] = {0};
    size_t i = 0;
    for (; i + TARE_LANES <= count; i += TARE_LANES) {
        for (int lane = 0; lane < TARE_LANES; lane++) lanes[lane] += x[i + lane];
    }
    for (; i < count; i++) lanes[i % TARE_LANES] += x[i];
    *y = (float)(factor * lanes_total(lanes));
}

TARE_VARIANTS(
    tare_training_total, total_body, (const float *x, double factor, float *y, size_t count), (x, factor, y, count))

void tare_training_extremes(
    const float *x, const int32_t *table, int32_t smallest, float *y, int32_t *positions, size_t count, size_t groups) {
    for (size_t g = 0; g < groups; g++) positions[g] = -1;
    for (size_t i = 0; i < count; i++) {
        int32_t g = table[i];
        // The first NaN wins.
        if (positions[g] < 0 || (smallest ? x[i] < y[g] : x[i] > y[g]) || (x[i] != x[i] && y[g] == y[g])) {
            y[g] = x[i];
            positions[g] = (int32_t)i;
        }
    }
}

void tare_training_place(const float *dy, const int32_t *positions, float *dx, size_t groups, size_t count) {
    memset(dx, 0, count * sizeof *dx);
    for (size_t g = 0; g < groups; g++) dx[positions[g]] = dy[g];
}

int64_t tare_training_take(
    const float *x, const int64_t *indices, size_t outer, size_t extent, size_t inner, size_t index_count, float *y) {
    for (size_t i = 0; i < index_count; i++) {
        int64_t row = indices[i] < 0 ? indices[i] + (int64_t)extent : indices[i];
        if (row < 0 || row >= (int64_t)extent) return (int64_t)i;
    }
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < index_count; i++) {
            size_t row = (size_t)(indices[i] < 0 ? indices[i] + (int64_t)extent : indices[i]);
            memcpy(y + (o * index_count + i) * inner, x + (o * extent + row) * inner, inner * sizeof *y);
        }
    }
    return -1;
}

void tare_training_take_backward(
    const float *dy, const int64_t *indices, size_t outer, size_t extent, size_t inner, size_t index_count, float *dx) {
    memset(dx, 0, outer * extent * inner * sizeof *dx);
    for (size_t o = 0; o < outer; o++) {
        for (size_t i = 0; i < index_count; i++) {
            size_t row = (size_t)(indices[i] < 0 ? indices[i] + (int64_t)extent : indices[i]);
            float *target = dx + (o * extent + row) * inner;
            const float *source = dy + (o * index_count + i) * inner;
            for (size_t k = 0; k < inner; k++) target[k] += source[k];
        }
    }
}
