// Softmax, layer normalization and losses: kernels that work on rows. Sums are float64, in the order of the elements.
#include "training_internal.h"

void tare_training_softmax(
    const float *x, int32_t logarithm, size_t outer, size_t extent, size_t inner, float *y) {
    for (size_t o = 0; o < outer; o++) {
        for (size_t k = 0; k < inner; k++) {
            const float *source = x + o * extent * inner + k;
            float *target = y + o * extent * inner + k;
            float largest = -INFINITY;
            for (size_t i = 0; i < extent; i++) largest = source[i * inner] > largest ? source[i * inner] : largest;
            double sum = 0;
            for (size_t i = 0; i < extent; i++) {
                const float e = expf(source[i * inner] - largest);
                sum += e;
                if (!logarithm) target[i * inner] = e;
            }
            const float total = (float)log(sum);
            const float factor = (float)(1 / sum);
            for (size_t i = 0; i < extent; i++) {
                if (logarithm) target[i * inner] = source[i * inner] - largest - total;
                else target[i * inner] *= factor;
            }
        }
    }
}

void tare_training_softmax_backward(
    const float *y, const float *dy, int32_t logarithm, size_t outer, size_t extent, size_t inner, float *dx) {
    for (size_t o = 0; o < outer; o++) {
        for (size_t k = 0; k < inner; k++) {
            const size_t start = o * extent * inner + k;
            double sum = 0;
            for (size_t i = 0; i < extent; i++) {
                const size_t at = start + i * inner;
                sum += logarithm ? (double)dy[at] : (double)dy[at] * y[at];
            }
            for (size_t i = 0; i < extent; i++) {
                const size_t at = start + i * inner;
                dx[at] = logarithm ? (float)(dy[at] - exp(y[at]) * sum) : (float)(y[at] * (dy[at] - sum));
            }
        }
    }
}

TARE_INLINE double row_sum(const float *x, size_t count) {
    double lanes[TARE_LANES] = {0};
    for (size_t i = 0; i < count; i++) lanes[i % TARE_LANES] += x[i];
    return lanes_total(lanes);
}

TARE_INLINE void layer_norm_body(
    const float *x, const float *scale, const float *shift, float epsilon, size_t rows, size_t width, float *y,
    float *means, float *inverses) {
    for (size_t row = 0; row < rows; row++) {
        const float *source = x + row * width;
        float *target = y + row * width;
        const float mean = (float)(row_sum(source, width) / (double)width);
        double lanes[TARE_LANES] = {0};
        for (size_t i = 0; i < width; i++) {
            const double deviation = source[i] - mean;
            lanes[i % TARE_LANES] += deviation * deviation;
        }
        const float inverse = (float)(1 / sqrt(lanes_total(lanes) / (double)width + (double)epsilon));
        for (size_t i = 0; i < width; i++) {
            const float value = (source[i] - mean) * inverse * scale[i];
            target[i] = shift ? value + shift[i] : value;
        }
        means[row] = mean;
        inverses[row] = inverse;
    }
}

TARE_INLINE void layer_norm_backward_body(
    const float *x, const float *scale, const float *means, const float *inverses, const float *dy, size_t rows,
    size_t width, float *dx, float *dscale, float *dshift, double *sums) {
    memset(sums, 0, 2 * width * sizeof *sums);
    for (size_t row = 0; row < rows; row++) {
        const float *source = x + row * width, *gradient = dy + row * width;
        const float mean = means[row], inverse = inverses[row];
        double plain[TARE_LANES] = {0}, weighted[TARE_LANES] = {0};
        for (size_t i = 0; i < width; i++) {
            const float normal = (source[i] - mean) * inverse;
            const double g = (double)gradient[i] * scale[i];
            plain[i % TARE_LANES] += g;
            weighted[i % TARE_LANES] += g * normal;
            sums[i] += (double)gradient[i] * normal;
            sums[width + i] += gradient[i];
        }
        if (!dx) continue;
        const double first = lanes_total(plain) / (double)width, second = lanes_total(weighted) / (double)width;
        for (size_t i = 0; i < width; i++) {
            const float normal = (source[i] - mean) * inverse;
            dx[row * width + i] = (float)(inverse * ((double)gradient[i] * scale[i] - first - normal * second));
        }
    }
    for (size_t i = 0; i < width; i++) {
        if (dscale) dscale[i] = (float)sums[i];
        if (dshift) dshift[i] = (float)sums[width + i];
    }
}

TARE_VARIANTS(
    tare_training_layer_norm, layer_norm_body,
    (const float *x, const float *scale, const float *shift, float epsilon, size_t rows, size_t width, float *y,
     float *means, float *inverses),
    (x, scale, shift, epsilon, rows, width, y, means, inverses))
TARE_VARIANTS(
    tare_training_layer_norm_backward, layer_norm_backward_body,
    (const float *x, const float *scale, const float *means, const float *inverses, const float *dy, size_t rows,
     size_t width, float *dx, float *dscale, float *dshift, double *sums),
    (x, scale, means, inverses, dy, rows, width, dx, dscale, dshift, sums))

int64_t tare_training_cross_entropy(
    const float *x, const int64_t *labels, double smoothing, size_t rows, size_t classes, double *loss,
    int64_t *correct, float *dx) {
    *loss = 0;
    *correct = 0;
    const double uniform = smoothing / (double)classes;
    for (size_t row = 0; row < rows; row++) {
        const int64_t label = labels[row];
        if (label < 0 || label >= (int64_t)classes) return (int64_t)row;
        const float *source = x + row * classes;
        size_t best = 0;
        for (size_t i = 1; i < classes; i++) best = source[i] > source[best] ? i : best;
        const double largest = source[best];
        double sum = 0, total = 0;
        for (size_t i = 0; i < classes; i++) {
            sum += exp(source[i] - largest);
            total += source[i] - largest;
        }
        const double logarithm = log(sum);
        *loss += (1 - smoothing) * (logarithm - (source[label] - largest))
            + uniform * ((double)classes * logarithm - total);
        *correct += (int64_t)best == label;
        if (!dx) continue;
        for (size_t i = 0; i < classes; i++) {
            const double target = uniform + ((int64_t)i == label ? 1 - smoothing : 0);
            dx[row * classes + i] = (float)((exp(source[i] - largest - logarithm) - target) / (double)rows);
        }
    }
    *loss /= (double)rows;
    return -1;
}

/// Position of the first largest element, and the logarithm of the sum of exp((element - largest) / temperature).
static size_t log_sum(const float *logits, size_t classes, double temperature, double *logarithm) {
    size_t best = 0;
    for (size_t i = 1; i < classes; i++) best = logits[i] > logits[best] ? i : best;
    double sum = 0;
    for (size_t i = 0; i < classes; i++) sum += exp(((double)logits[i] - logits[best]) / temperature);
    *logarithm = log(sum);
    return best;
}

void tare_training_distillation(
    const float *x, const float *teacher, double temperature, double weight, size_t rows, size_t classes, double *loss,
    int64_t *agreeing, float *dx) {
    double divergence = 0;
    *agreeing = 0;
    for (size_t row = 0; row < rows; row++) {
        const float *student = x + row * classes, *target = teacher + row * classes;
        double student_sum, target_sum;
        const size_t student_best = log_sum(student, classes, temperature, &student_sum);
        const size_t target_best = log_sum(target, classes, temperature, &target_sum);
        *agreeing += student_best == target_best;
        for (size_t i = 0; i < classes; i++) {
            const double q = ((double)student[i] - student[student_best]) / temperature - student_sum;
            const double p = ((double)target[i] - target[target_best]) / temperature - target_sum;
            divergence += exp(p) * (p - q);
            if (!dx) continue;
            float *gradient = dx + row * classes + i;
            *gradient = (float)((1 - weight) * *gradient
                + weight * temperature * (exp(q) - exp(p)) / (double)rows);
        }
    }
    *loss = (1 - weight) * *loss + weight * temperature * temperature * divergence / (double)rows;
}

double tare_training_squared_error(const float *x, const float *target, float *dx, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = (double)x[i] - target[i];
        sum += difference * difference;
        if (dx) dx[i] = (float)(2 * difference / (double)count);
    }
    return sum / (double)count;
}

double tare_training_dot(const float *x, const float *weights, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)x[i] * weights[i];
    return sum;
}
