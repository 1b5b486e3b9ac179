// Rounding to quantized values and back, with the gradients of three algorithms.
#include "training_internal.h"

/// Half away from zero.
TARE_INLINE float round_away(float value) {
    const float whole = truncf(value);
    // The difference is exact, so no half is taken for more or less than that.
    return whole + (fabsf(value - whole) >= 0.5f ? copysignf(1, value) : 0);
}

/// Comparisons let NaN through.
TARE_INLINE float clamp(float value, float lower, float upper) {
    const float raised = value < lower ? lower : value;
    return raised > upper ? upper : raised;
}

/// The scale that a parameter stands for.
TARE_INLINE float scale_of(int32_t algorithm, float epsilon, float parameter) {
    switch (algorithm) {
        case TARE_TRAINING_TQT: return exp2f(parameter);
        case TARE_TRAINING_LSQ: return fabsf(parameter) + epsilon;
        default: return parameter;
    }
}

TARE_INLINE float quantized(int32_t algorithm, float x, float scale, float zero, float minimum, float maximum) {
    const float u = x / scale + zero;
    if (algorithm == TARE_TRAINING_LSQ) return (round_away(clamp(u, minimum, maximum)) - zero) * scale;
    return (clamp(round_away(x / scale) + zero, minimum, maximum) - zero) * scale;
}

/// Whether the gradient passes, and what the element adds to that of the parameter (before common factors).
TARE_INLINE int passes(
    int32_t algorithm, float x, float scale, float zero, float minimum, float maximum, float *share) {
    const float u = x / scale;
    if (algorithm == TARE_TRAINING_TQT) {
        const int outside = (u < minimum - 0.5f) | (u > maximum + 0.5f);
        const float c = clamp(round_away(u), minimum, maximum);
        *share = outside ? c : c - u;
        return !outside;
    }
    if (algorithm == TARE_TRAINING_LSQ) {
        const float shifted = u + zero;
        *share = shifted < minimum ? minimum : (shifted > maximum ? maximum : round_away(shifted) - shifted);
        return (shifted >= minimum) & (shifted <= maximum);
    }
    const float rounded = round_away(u) + zero;
    *share = 0;
    return (rounded >= minimum) & (rounded <= maximum);
}

#define TARE_SETTINGS                                                                                         \
    const float minimum = s->minimum, maximum = s->maximum;                                                   \
    const float common_scale = s->parameter_count == 1 ? scale_of(algorithm, s->epsilon, *parameter) : 0;     \
    const float common_zero = s->zero_count == 1 ? *zero : 0;                                                 \
    const int per_tensor = s->parameter_count == 1 && s->zero_count <= 1;

#define TARE_SCALE(i) \
    (s->parameter_count == 1 ? common_scale : scale_of(algorithm, s->epsilon, parameter[parameter_table[i]]))
#define TARE_ZERO(i) (s->zero_count > 1 ? zero[zero_table[i]] : common_zero)

TARE_INLINE void forward_of(
    int32_t algorithm, const tare_training_fake_quant *s, const float *x, const float *parameter,
    const int32_t *parameter_table, const float *zero, const int32_t *zero_table, float *y, size_t count) {
    TARE_SETTINGS
    if (per_tensor) {
        TARE_ELEMENTWISE
        for (size_t i = 0; i < count; i++) {
            y[i] = quantized(algorithm, x[i], common_scale, common_zero, minimum, maximum);
        }
    } else {
        TARE_ELEMENTWISE
        for (size_t i = 0; i < count; i++) {
            y[i] = quantized(algorithm, x[i], TARE_SCALE(i), TARE_ZERO(i), minimum, maximum);
        }
    }
}

TARE_INLINE void backward_of(
    int32_t algorithm, const tare_training_fake_quant *s, const float *x, const float *parameter,
    const int32_t *parameter_table, const float *zero, const int32_t *zero_table, const float *dy, float *dx,
    double *sums, size_t count) {
    TARE_SETTINGS
    float share;
    if (per_tensor && !sums) {
        TARE_ELEMENTWISE
        for (size_t i = 0; i < count; i++) {
            dx[i] = passes(algorithm, x[i], common_scale, common_zero, minimum, maximum, &share) ? dy[i] : 0;
        }
    } else if (per_tensor) {
        for (size_t i = 0; i < count; i++) {
            const float g = dy[i];
            const int pass = passes(algorithm, x[i], common_scale, common_zero, minimum, maximum, &share);
            sums[i % TARE_LANES] += (double)g * share;
            if (dx) dx[i] = pass ? g : 0;
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            const float g = dy[i];
            const int pass = passes(algorithm, x[i], TARE_SCALE(i), TARE_ZERO(i), minimum, maximum, &share);
            if (sums) sums[s->parameter_count == 1 ? (int32_t)(i % TARE_LANES) : parameter_table[i]] += (double)g * share;
            if (dx) dx[i] = pass ? g : 0;
        }
    }
}

TARE_INLINE void forward_body(
    const tare_training_fake_quant *s, const float *x, const float *parameter, const int32_t *parameter_table,
    const float *zero, const int32_t *zero_table, float *y, size_t count) {
    switch (s->algorithm) {
        case TARE_TRAINING_TQT:
            forward_of(TARE_TRAINING_TQT, s, x, parameter, parameter_table, zero, zero_table, y, count);
            break;
        case TARE_TRAINING_LSQ:
            forward_of(TARE_TRAINING_LSQ, s, x, parameter, parameter_table, zero, zero_table, y, count);
            break;
        default: forward_of(TARE_TRAINING_FAKE_QUANTIZE, s, x, parameter, parameter_table, zero, zero_table, y, count);
    }
}

TARE_INLINE void backward_body(
    const tare_training_fake_quant *s, const float *x, const float *parameter, const int32_t *parameter_table,
    const float *zero, const int32_t *zero_table, const float *dy, float *dx, double *sums, size_t count) {
    switch (s->algorithm) {
        case TARE_TRAINING_TQT:
            backward_of(TARE_TRAINING_TQT, s, x, parameter, parameter_table, zero, zero_table, dy, dx, sums, count);
            break;
        case TARE_TRAINING_LSQ:
            backward_of(TARE_TRAINING_LSQ, s, x, parameter, parameter_table, zero, zero_table, dy, dx, sums, count);
            break;
        default:
            backward_of(
                TARE_TRAINING_FAKE_QUANTIZE, s, x, parameter, parameter_table, zero, zero_table, dy, dx, sums, count);
    }
}

TARE_VARIANTS(
    tare_training_fake_quantize, forward_body,
    (const tare_training_fake_quant *settings, const float *x, const float *parameter, const int32_t *parameter_table,
     const float *zero, const int32_t *zero_table, float *y, size_t count),
    (settings, x, parameter, parameter_table, zero, zero_table, y, count))
TARE_VARIANTS(
    tare_training_fake_quantize_sums, backward_body,
    (const tare_training_fake_quant *settings, const float *x, const float *parameter, const int32_t *parameter_table,
     const float *zero, const int32_t *zero_table, const float *dy, float *dx, double *sums, size_t count),
    (settings, x, parameter, parameter_table, zero, zero_table, dy, dx, sums, count))

void tare_training_fake_quantize_backward(
    const tare_training_fake_quant *s, const float *x, const float *parameter, const int32_t *parameter_table,
    const float *zero, const int32_t *zero_table, const float *dy, float *dx, float *dparameter, double *sums,
    size_t count) {
    const size_t sum_count = s->parameter_count == 1 ? TARE_LANES : s->parameter_count;
    if (dparameter) memset(sums, 0, sum_count * sizeof *sums);
    tare_training_fake_quantize_sums(
        s, x, parameter, parameter_table, zero, zero_table, dy, dx, dparameter ? sums : 0, count);
    if (!dparameter) return;
    for (size_t i = 0; i < s->parameter_count; i++) {
        const double sum = s->parameter_count == 1 ? lanes_total(sums) : sums[i];
        const double sign = parameter[i] > 0 ? 1 : (parameter[i] < 0 ? -1 : 0);
        const double factor =
            s->algorithm == TARE_TRAINING_TQT ? 0.6931471805599453 * exp2((double)parameter[i]) : sign;
        dparameter[i] = (float)(factor * sum);
    }
}
