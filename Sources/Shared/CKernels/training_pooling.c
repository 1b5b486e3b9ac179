// Maximum and average over windows, channels innermost.
#include "training_internal.h"

/// Where a window lies: kernel positions, and input coordinates of the first one.
typedef struct {
    int64_t origin[3];
} place_t;

TARE_INLINE place_t place_of(const tare_training_window *w, int64_t d, int64_t h, int64_t v) {
    place_t place = {{d * w->stride[0] - w->before[0], h * w->stride[1] - w->before[1], v * w->stride[2] - w->before[2]}};
    return place;
}

/// Index of the input row (of channels) that kernel position (d, h, v) reads, or -1 in the padding.
TARE_INLINE int64_t row_of(
    const tare_training_window *w, const place_t *place, size_t image, int64_t d, int64_t h, int64_t v) {
    const int64_t z = place->origin[0] + d * w->dilation[0];
    const int64_t y = place->origin[1] + h * w->dilation[1];
    const int64_t x = place->origin[2] + v * w->dilation[2];
    if (z < 0 || z >= w->input[0] || y < 0 || y >= w->input[1] || x < 0 || x >= w->input[2]) return -1;
    return (((int64_t)image * w->input[0] + z) * w->input[1] + y) * w->input[2] + x;
}

/// Divisor of an average.
TARE_INLINE float divisor(const tare_training_window *w, const place_t *place) {
    int64_t count = 1;
    for (int axis = 0; axis < 3; axis++) {
        const int64_t last = w->counts_padding ? w->input[axis] + w->after[axis] : w->input[axis];
        const int64_t first = w->counts_padding ? -w->before[axis] : 0;
        int64_t inside = 0;
        for (int64_t k = 0; k < w->kernel[axis]; k++) {
            const int64_t position = place->origin[axis] + k * w->dilation[axis];
            inside += position >= first && position < last;
        }
        count *= inside;
    }
    return (float)(count < 1 ? 1 : count);
}

// Calls BODY(output row, kernel position, input row) for each element of each window that is not padding.
#define TARE_WINDOWS(w, START, BODY, END)                                                              \
    size_t output = 0;                                                                                 \
    for (size_t image = 0; image < w->batch; image++)                                                  \
        for (int64_t od = 0; od < w->output[0]; od++)                                                  \
            for (int64_t oh = 0; oh < w->output[1]; oh++)                                              \
                for (int64_t ov = 0; ov < w->output[2]; ov++, output++) {                              \
                    const place_t place = place_of(w, od, oh, ov);                                     \
                    START;                                                                             \
                    int32_t position = 0;                                                              \
                    for (int64_t kd = 0; kd < w->kernel[0]; kd++)                                      \
                        for (int64_t kh = 0; kh < w->kernel[1]; kh++)                                  \
                            for (int64_t kv = 0; kv < w->kernel[2]; kv++, position++) {                \
                                const int64_t input = row_of(w, &place, image, kd, kh, kv);            \
                                if (input < 0) continue;                                               \
                                BODY;                                                                  \
                            }                                                                          \
                    END;                                                                               \
                }

TARE_INLINE void take_larger(
    const float *restrict source, int32_t position, int first, size_t channels, float *restrict target,
    int32_t *restrict positions) {
    if (first) {
        for (size_t c = 0; c < channels; c++) {
            target[c] = source[c];
            positions[c] = position;
        }
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        const float value = source[c], old = target[c];
        // The first NaN wins.
        const int larger = (value > old) | ((value != value) & (old == old));
        target[c] = larger ? value : old;
        positions[c] = larger ? position : positions[c];
    }
}

TARE_INLINE void max_pool_body(const tare_training_window *w, const float *x, float *y, int32_t *positions) {
    const size_t channels = w->channels;
    TARE_WINDOWS(
        w, int first = 1,
        take_larger(x + (size_t)input * channels, position, first, channels, y + output * channels,
                    positions + output * channels);
        first = 0, )
}

TARE_INLINE size_t input_count(const tare_training_window *w) {
    return w->batch * (size_t)(w->input[0] * w->input[1] * w->input[2]) * w->channels;
}

TARE_INLINE void add_where(
    const float *restrict dy, const int32_t *restrict positions, int32_t position, size_t channels,
    float *restrict dx) {
    for (size_t c = 0; c < channels; c++) dx[c] += positions[c] == position ? dy[c] : 0;
}

TARE_INLINE void max_pool_backward_body(
    const tare_training_window *w, const int32_t *positions, const float *dy, float *dx) {
    const size_t channels = w->channels;
    memset(dx, 0, input_count(w) * sizeof *dx);
    TARE_WINDOWS(
        w, ,
        add_where(dy + output * channels, positions + output * channels, position, channels,
                  dx + (size_t)input * channels), )
}

TARE_INLINE void add_scaled(const float *restrict x, float factor, size_t channels, float *restrict y) {
    for (size_t c = 0; c < channels; c++) y[c] += factor * x[c];
}

TARE_INLINE void finish_average(float *y, float count, size_t channels) {
    for (size_t c = 0; c < channels; c++) y[c] /= count;
}

TARE_INLINE void average_pool_body(const tare_training_window *w, const float *x, float *y) {
    const size_t channels = w->channels;
    TARE_WINDOWS(
        w, memset(y + output * channels, 0, channels * sizeof *y),
        add_scaled(x + (size_t)input * channels, 1, channels, y + output * channels),
        finish_average(y + output * channels, divisor(w, &place), channels))
}

TARE_INLINE void average_pool_backward_body(const tare_training_window *w, const float *dy, float *dx) {
    const size_t channels = w->channels;
    memset(dx, 0, input_count(w) * sizeof *dx);
    TARE_WINDOWS(
        w, const float factor = 1 / divisor(w, &place),
        add_scaled(dy + output * channels, factor, channels, dx + (size_t)input * channels), )
}

TARE_VARIANTS(
    tare_training_max_pool, max_pool_body,
    (const tare_training_window *w, const float *x, float *y, int32_t *positions), (w, x, y, positions))
TARE_VARIANTS(
    tare_training_max_pool_backward, max_pool_backward_body,
    (const tare_training_window *w, const int32_t *positions, const float *dy, float *dx), (w, positions, dy, dx))
TARE_VARIANTS(
    tare_training_average_pool, average_pool_body, (const tare_training_window *w, const float *x, float *y), (w, x, y))
TARE_VARIANTS(
    tare_training_average_pool_backward, average_pool_backward_body,
    (const tare_training_window *w, const float *dy, float *dx), (w, dy, dx))
