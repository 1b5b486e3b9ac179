// Batch normalization over [rows, channels], forward and backward.
//
// Statistics: blocks of rows are summed in float32, 16 channels beside each other and rows modulo 4 apart, while the block is in
// the cache; the blocks' results are combined in float64 in their order.
#include "training_internal.h"

enum { TILE = 16, STRANDS = 4 };

/// Rows that are summed in float32: few enough for precision and for the cache.
TARE_INLINE size_t block_rows(size_t channels) {
    size_t rows = 4096 / channels;
    return rows < 16 ? 16 : (rows > 256 ? 256 : rows);
}

/// Sums of `width` <= TILE columns: of x, or of the squares of x - mean.
TARE_INLINE void tile_sums(
    const float *x, size_t rows, size_t stride, size_t width, const float *mean, float *result) {
    float sums[STRANDS][TILE] = {{0}};
    float centre[TILE] = {0};
    if (mean) memcpy(centre, mean, width * sizeof *mean);
    for (size_t row = 0; row < rows; row++) {
        const float *source = x + row * stride;
        float *target = sums[row % STRANDS];
        if (width == TILE) {
            for (size_t c = 0; c < TILE; c++) {
                float value = mean ? source[c] - centre[c] : source[c];
                target[c] += mean ? value * value : value;
            }
        } else {
            for (size_t c = 0; c < width; c++) {
                float value = mean ? source[c] - centre[c] : source[c];
                target[c] += mean ? value * value : value;
            }
        }
    }
    for (size_t c = 0; c < width; c++) result[c] = (sums[0][c] + sums[2][c]) + (sums[1][c] + sums[3][c]);
}

/// means and squares (sums of squared deviations) of each channel.
TARE_INLINE void statistics_body(const float *x, size_t rows, size_t channels, double *means, double *squares) {
    const size_t step = block_rows(channels);
    for (size_t c = 0; c < channels; c++) means[c] = squares[c] = 0;
    for (size_t first = 0; first < rows; first += step) {
        const size_t count = rows - first < step ? rows - first : step;
        const double share = (double)count / (double)(first + count);
        for (size_t start = 0; start < channels; start += TILE) {
            const size_t width = channels - start < TILE ? channels - start : TILE;
            const float *block = x + first * channels + start;
            float sums[TILE], mean[TILE], deviations[TILE];
            tile_sums(block, count, channels, width, 0, sums);
            for (size_t c = 0; c < width; c++) mean[c] = sums[c] / (float)count;
            tile_sums(block, count, channels, width, mean, deviations);
            for (size_t c = 0; c < width; c++) {
                // The sum of squares is about the rounded mean of the block, so what that lacks is taken out.
                const double exact = (double)sums[c] / (double)count;
                const double error = exact - mean[c];
                const double difference = exact - means[start + c];
                squares[start + c] += (deviations[c] - (double)count * error * error)
                    + difference * difference * (double)first * share;
                means[start + c] += difference * share;
            }
        }
    }
}

TARE_INLINE void affine_body(
    const float *x, size_t rows, size_t channels, const float *factor, const float *offset, int32_t relu, float *y) {
    for (size_t row = 0; row < rows; row++) {
        const float *source = x + row * channels;
        float *target = y + row * channels;
        if (relu) {
            TARE_ELEMENTWISE
            for (size_t c = 0; c < channels; c++) {
                float value = source[c] * factor[c] + offset[c];
                target[c] = value < 0 ? 0 : value;
            }
        } else {
            TARE_ELEMENTWISE
            for (size_t c = 0; c < channels; c++) target[c] = source[c] * factor[c] + offset[c];
        }
    }
}

/// dy where y > 0 or where there is no mask.
TARE_INLINE float masked(int has_mask, const float *y, const float *dy, size_t at) {
    // Both are read, so that the choice needs no branch.
    const float g = dy[at];
    if (!has_mask) return g;
    return y[at] > 0 ? g : 0;
}

/// Sums of dy and of dy * (x - mean) over rows of `width` <= TILE channels.
TARE_INLINE void tile_gradient_sums(
    int has_mask, const float *x, const float *y, const float *dy, size_t rows, size_t stride, size_t width,
    const float *mean, double *shifts, double *scales) {
    float shift[2][TILE] = {{0}}, scale[2][TILE] = {{0}}, centre[TILE] = {0};
    memcpy(centre, mean, width * sizeof *mean);
    for (size_t row = 0; row < rows; row++) {
        const size_t at = row * stride;
        float *shift_row = shift[row % 2], *scale_row = scale[row % 2];
        if (width == TILE) {
            TARE_ELEMENTWISE
            for (size_t c = 0; c < TILE; c++) {
                const float g = masked(has_mask, y, dy, at + c);
                shift_row[c] += g;
                scale_row[c] += g * (x[at + c] - centre[c]);
            }
        } else {
            for (size_t c = 0; c < width; c++) {
                const float g = masked(has_mask, y, dy, at + c);
                shift_row[c] += g;
                scale_row[c] += g * (x[at + c] - centre[c]);
            }
        }
    }
    for (size_t c = 0; c < width; c++) {
        shifts[c] += (double)shift[0][c] + (double)shift[1][c];
        scales[c] += (double)scale[0][c] + (double)scale[1][c];
    }
}

TARE_INLINE void gradient_sums_body(
    const float *x, const float *y, const float *dy, size_t rows, size_t channels, const float *mean, double *shifts,
    double *scales) {
    const size_t step = block_rows(channels);
    for (size_t c = 0; c < channels; c++) shifts[c] = scales[c] = 0;
    for (size_t first = 0; first < rows; first += step) {
        const size_t count = rows - first < step ? rows - first : step;
        for (size_t c = 0; c < channels; c += TILE) {
            const size_t width = channels - c < TILE ? channels - c : TILE;
            const size_t at = first * channels + c;
            if (y) {
                tile_gradient_sums(
                    1, x + at, y + at, dy + at, count, channels, width, mean + c, shifts + c, scales + c);
            } else {
                tile_gradient_sums(
                    0, x + at, 0, dy + at, count, channels, width, mean + c, shifts + c, scales + c);
            }
        }
    }
}

/// dx = a * dy + (b * (x - mean) + c).
TARE_INLINE void gradient_body(
    const float *x, const float *y, const float *dy, size_t rows, size_t channels, const float *mean, const float *a,
    const float *b, const float *c, float *dx) {
    for (size_t row = 0; row < rows; row++) {
        const size_t offset = row * channels;
        if (y) {
            TARE_ELEMENTWISE
            for (size_t k = 0; k < channels; k++) {
                const float g = masked(1, y, dy, offset + k);
                dx[offset + k] = a[k] * g + (b[k] * (x[offset + k] - mean[k]) + c[k]);
            }
        } else {
            TARE_ELEMENTWISE
            for (size_t k = 0; k < channels; k++) {
                dx[offset + k] = a[k] * dy[offset + k] + (b[k] * (x[offset + k] - mean[k]) + c[k]);
            }
        }
    }
}

TARE_INLINE void column_sums_body(const float *x, size_t rows, size_t channels, float *y, double *work) {
    const size_t step = block_rows(channels);
    for (size_t c = 0; c < channels; c++) work[c] = 0;
    for (size_t first = 0; first < rows; first += step) {
        const size_t count = rows - first < step ? rows - first : step;
        for (size_t start = 0; start < channels; start += TILE) {
            const size_t width = channels - start < TILE ? channels - start : TILE;
            float sums[TILE];
            tile_sums(x + first * channels + start, count, channels, width, 0, sums);
            for (size_t c = 0; c < width; c++) work[start + c] += sums[c];
        }
    }
    for (size_t c = 0; c < channels; c++) y[c] = (float)work[c];
}

TARE_VARIANTS(
    tare_training_channel_statistics, statistics_body,
    (const float *x, size_t rows, size_t channels, double *means, double *squares), (x, rows, channels, means, squares))
TARE_VARIANTS(
    tare_training_affine, affine_body,
    (const float *x, size_t rows, size_t channels, const float *factor, const float *offset, int32_t relu, float *y),
    (x, rows, channels, factor, offset, relu, y))
TARE_VARIANTS(
    tare_training_gradient_sums, gradient_sums_body,
    (const float *x, const float *y, const float *dy, size_t rows, size_t channels, const float *mean, double *shifts,
     double *scales),
    (x, y, dy, rows, channels, mean, shifts, scales))
TARE_VARIANTS(
    tare_training_norm_gradient, gradient_body,
    (const float *x, const float *y, const float *dy, size_t rows, size_t channels, const float *mean, const float *a,
     const float *b, const float *c, float *dx),
    (x, y, dy, rows, channels, mean, a, b, c, dx))
TARE_VARIANTS(
    tare_training_column_sums, column_sums_body,
    (const float *x, size_t rows, size_t channels, float *y, double *work), (x, rows, channels, y, work))

/// y from statistics that `means` and `variances` give; the factors lie in `work`.
static void normalize(
    const tare_training_batch *batch, const float *x, const float *scale, const float *shift, const double *means,
    const double *variances, float *y, float *saved_mean, float *saved_inverse, float *work) {
    float *factor = work, *offset = work + batch->channels;
    for (size_t c = 0; c < batch->channels; c++) {
        const double inverse = 1 / sqrt(variances[c] + (double)batch->epsilon);
        saved_mean[c] = (float)means[c];
        saved_inverse[c] = (float)inverse;
        factor[c] = (float)(scale[c] * inverse);
        offset[c] = (float)(shift[c] - means[c] * scale[c] * inverse);
    }
    tare_training_affine(x, batch->rows, batch->channels, factor, offset, batch->relu, y);
}

void tare_training_batch_norm(
    const tare_training_batch *batch, const float *x, const float *scale, const float *shift,
    const float *running_mean, const float *running_variance, float *y, float *new_mean, float *new_variance,
    float *saved_mean, float *saved_inverse, double *work) {
    const size_t channels = batch->channels;
    double *means = work, *variances = work + channels;
    tare_training_channel_statistics(x, batch->rows, channels, means, variances);
    const double momentum = batch->momentum;
    for (size_t c = 0; c < channels; c++) {
        variances[c] = batch->rows == 0 ? 0 : variances[c] / (double)batch->rows;
        if (variances[c] < 0) variances[c] = 0;
        // A momentum of 0 must not let an infinite old value through.
        new_mean[c] = (float)(momentum == 0 ? means[c] : running_mean[c] * momentum + means[c] * (1 - momentum));
        new_variance[c] =
            (float)(momentum == 0 ? variances[c] : running_variance[c] * momentum + variances[c] * (1 - momentum));
    }
    normalize(batch, x, scale, shift, means, variances, y, saved_mean, saved_inverse, (float *)(work + 2 * channels));
}

void tare_training_fixed_norm(
    const tare_training_batch *batch, const float *x, const float *scale, const float *shift, const float *mean,
    const float *variance, float *y, float *saved_mean, float *saved_inverse, double *work) {
    const size_t channels = batch->channels;
    double *means = work, *variances = work + channels;
    for (size_t c = 0; c < channels; c++) {
        means[c] = mean[c];
        variances[c] = variance[c];
    }
    normalize(batch, x, scale, shift, means, variances, y, saved_mean, saved_inverse, (float *)(work + 2 * channels));
}

/// Gradients when the statistics are the batch's (`couples` 1) or given.
static void backward(
    const tare_training_batch *batch, int couples, const float *x, const float *y, const float *dy, const float *scale,
    const float *saved_mean, const float *saved_inverse, float *dx, float *dscale, float *dshift, double *work) {
    const size_t channels = batch->channels;
    double *shifts = work, *scales = work + channels;
    const float *mask = batch->relu ? y : 0;
    if (dscale || dshift || couples) {
        tare_training_gradient_sums(x, mask, dy, batch->rows, channels, saved_mean, shifts, scales);
    }
    for (size_t c = 0; c < channels; c++) {
        if (dscale) dscale[c] = (float)(scales[c] * saved_inverse[c]);
        if (dshift) dshift[c] = (float)shifts[c];
    }
    if (!dx) return;
    float *a = (float *)(work + 2 * channels), *b = a + channels, *constant = b + channels;
    const double rows = (double)batch->rows;
    for (size_t c = 0; c < channels; c++) {
        const double inverse = saved_inverse[c], factor = scale[c] * inverse;
        a[c] = (float)factor;
        b[c] = couples ? (float)(-factor * inverse * inverse * scales[c] / rows) : 0;
        constant[c] = couples ? (float)(-factor * shifts[c] / rows) : 0;
    }
    tare_training_norm_gradient(x, mask, dy, batch->rows, channels, saved_mean, a, b, constant, dx);
}

void tare_training_batch_norm_backward(
    const tare_training_batch *batch, const float *x, const float *y, const float *dy, const float *scale,
    const float *saved_mean, const float *saved_inverse, float *dx, float *dscale, float *dshift, double *work) {
    backward(batch, 1, x, y, dy, scale, saved_mean, saved_inverse, dx, dscale, dshift, work);
}

void tare_training_fixed_norm_backward(
    const tare_training_batch *batch, const float *x, const float *y, const float *dy, const float *scale,
    const float *saved_mean, const float *saved_inverse, float *dx, float *dscale, float *dshift, double *work) {
    backward(batch, 0, x, y, dy, scale, saved_mean, saved_inverse, dx, dscale, dshift, work);
}
