// Functions of one and of two elements, forward and backward.
#include "training_internal.h"

TARE_INLINE void add_body(const float *a, const float *b, float *y, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

TARE_INLINE void add_relu_body(const float *a, const float *b, float *y, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float sum = a[i] + b[i];
        y[i] = sum < 0 ? 0 : sum;
    }
}

TARE_INLINE void scale_body(const float *x, float factor, float *y, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = factor * x[i];
}

TARE_INLINE void relu_body(const float *x, float *y, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

TARE_INLINE void relu_backward_body(const float *y, const float *dy, float *dx, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

TARE_INLINE void clip_body(const float *x, float lower, float upper, float *y, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        float raised = x[i] < lower ? lower : x[i];
        y[i] = raised > upper ? upper : raised;
    }
}

TARE_INLINE void clip_backward_body(
    const float *x, float lower, float upper, const float *dy, float *dx, size_t count) {
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) dx[i] = ((x[i] >= lower) & (x[i] <= upper)) ? dy[i] : 0;
}

TARE_VARIANTS(tare_training_add, add_body, (const float *a, const float *b, float *y, size_t count), (a, b, y, count))
TARE_VARIANTS(
    tare_training_add_relu, add_relu_body, (const float *a, const float *b, float *y, size_t count), (a, b, y, count))
TARE_VARIANTS(
    tare_training_scale, scale_body, (const float *x, float factor, float *y, size_t count), (x, factor, y, count))
TARE_VARIANTS(tare_training_relu, relu_body, (const float *x, float *y, size_t count), (x, y, count))
TARE_VARIANTS(
    tare_training_relu_backward, relu_backward_body, (const float *y, const float *dy, float *dx, size_t count),
    (y, dy, dx, count))
TARE_VARIANTS(
    tare_training_clip_bounds, clip_body, (const float *x, float lower, float upper, float *y, size_t count),
    (x, lower, upper, y, count))
TARE_VARIANTS(
    tare_training_clip_bounds_backward, clip_backward_body,
    (const float *x, float lower, float upper, const float *dy, float *dx, size_t count),
    (x, lower, upper, dy, dx, count))

void tare_training_clip(const float *x, const float *lower, const float *upper, float *y, size_t count) {
    tare_training_clip_bounds(x, lower ? *lower : -INFINITY, upper ? *upper : INFINITY, y, count);
}

void tare_training_clip_backward(
    const float *x, const float *lower, const float *upper, const float *dy, float *dx, size_t count) {
    tare_training_clip_bounds_backward(x, lower ? *lower : -INFINITY, upper ? *upper : INFINITY, dy, dx, count);
}

// ---- one element ---------------------------------------------------------------------------------------------------

TARE_INLINE float clamp(float value, float lower, float upper) {
    float raised = value < lower ? lower : value;
    return raised > upper ? upper : raised;
}

// The larger part is taken out so that the exponential cannot overflow.
TARE_INLINE float sigmoid(float x) {
    if (x >= 0) return 1 / (1 + expf(-x));
    float e = expf(x);
    return e / (1 + e);
}

TARE_INLINE float gelu_erf(float x) { return 0.5f * x * (1 + erff(x * 0.70710678f)); }

TARE_INLINE float gelu_inner(float x) { return 0.79788456f * (x + 0.044715f * x * x * x); }

TARE_INLINE float forward(int32_t code, float alpha, float beta, float x) {
    switch (code) {
        case TARE_TRAINING_ABSOLUTE: return fabsf(x);
        case TARE_TRAINING_NEGATE: return -x;
        case TARE_TRAINING_LEAKY_RELU: return x > 0 ? x : alpha * x;
        case TARE_TRAINING_ELU: return x > 0 ? x : alpha * expm1f(x);
        case TARE_TRAINING_SIGMOID: return sigmoid(x);
        case TARE_TRAINING_HARD_SIGMOID: return clamp(alpha * x + beta, 0, 1);
        case TARE_TRAINING_HARD_SWISH: return x * clamp(x / 6 + 0.5f, 0, 1);
        case TARE_TRAINING_TANH: return tanhf(x);
        case TARE_TRAINING_EXP: return expf(x);
        case TARE_TRAINING_LOG: return logf(x);
        case TARE_TRAINING_SQRT: return sqrtf(x);
        case TARE_TRAINING_RECIPROCAL: return 1 / x;
        case TARE_TRAINING_ERF: return erff(x);
        case TARE_TRAINING_SOFTPLUS: return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
        case TARE_TRAINING_FLOOR: return floorf(x);
        case TARE_TRAINING_CEIL: return ceilf(x);
        case TARE_TRAINING_ROUND: return rintf(x);
        case TARE_TRAINING_GELU_ERF: return gelu_erf(x);
        default: return 0.5f * x * (1 + tanhf(gelu_inner(x)));
    }
}

TARE_INLINE float derivative(int32_t code, float alpha, float beta, float x, float y) {
    switch (code) {
        case TARE_TRAINING_ABSOLUTE: return x > 0 ? 1 : (x < 0 ? -1 : 0);
        case TARE_TRAINING_NEGATE: return -1;
        case TARE_TRAINING_LEAKY_RELU: return x > 0 ? 1 : alpha;
        case TARE_TRAINING_ELU: return x > 0 ? 1 : y + alpha;
        case TARE_TRAINING_SIGMOID: return y * (1 - y);
        case TARE_TRAINING_HARD_SIGMOID: return ((y > 0) & (y < 1)) ? alpha : 0;
        case TARE_TRAINING_HARD_SWISH: return x < -3 ? 0 : (x <= 3 ? x / 3 + 0.5f : 1);
        case TARE_TRAINING_TANH: return 1 - y * y;
        case TARE_TRAINING_EXP: return y;
        case TARE_TRAINING_LOG: return 1 / x;
        case TARE_TRAINING_SQRT: return 0.5f / y;
        case TARE_TRAINING_RECIPROCAL: return -y * y;
        case TARE_TRAINING_ERF: return 1.1283792f * expf(-x * x);
        case TARE_TRAINING_SOFTPLUS: return sigmoid(x);
        case TARE_TRAINING_GELU_ERF: return 0.5f * (1 + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
        case TARE_TRAINING_GELU_TANH: {
            float t = tanhf(gelu_inner(x));
            return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * 0.79788456f * (1 + 3 * 0.044715f * x * x);
        }
        default: return 0;
    }
}

// A loop of its own for each function, so that the simple ones become vector instructions.
#define TARE_UNARY_CASES(LOOP)                                                                                     \
    LOOP(TARE_TRAINING_ABSOLUTE) LOOP(TARE_TRAINING_NEGATE) LOOP(TARE_TRAINING_LEAKY_RELU) LOOP(TARE_TRAINING_ELU) \
    LOOP(TARE_TRAINING_SIGMOID) LOOP(TARE_TRAINING_HARD_SIGMOID) LOOP(TARE_TRAINING_HARD_SWISH)                    \
    LOOP(TARE_TRAINING_TANH) LOOP(TARE_TRAINING_EXP) LOOP(TARE_TRAINING_LOG) LOOP(TARE_TRAINING_SQRT)              \
    LOOP(TARE_TRAINING_RECIPROCAL) LOOP(TARE_TRAINING_ERF) LOOP(TARE_TRAINING_SOFTPLUS) LOOP(TARE_TRAINING_FLOOR)  \
    LOOP(TARE_TRAINING_CEIL) LOOP(TARE_TRAINING_ROUND) LOOP(TARE_TRAINING_GELU_ERF) LOOP(TARE_TRAINING_GELU_TANH)

TARE_INLINE void unary_body(int32_t code, float alpha, float beta, const float *x, float *y, size_t count) {
#define TARE_LOOP(CODE) \
    case CODE:          \
        TARE_ELEMENTWISE \
        for (size_t i = 0; i < count; i++) y[i] = forward(CODE, alpha, beta, x[i]); \
        break;
    switch (code) { TARE_UNARY_CASES(TARE_LOOP) default: break; }
#undef TARE_LOOP
}

TARE_INLINE void unary_backward_body(
    int32_t code, float alpha, float beta, const float *x, const float *y, const float *dy, float *dx, size_t count) {
#define TARE_LOOP(CODE) \
    case CODE:          \
        TARE_ELEMENTWISE \
        for (size_t i = 0; i < count; i++) dx[i] = dy[i] * derivative(CODE, alpha, beta, x[i], y[i]); \
        break;
    switch (code) { TARE_UNARY_CASES(TARE_LOOP) default: break; }
#undef TARE_LOOP
}

TARE_VARIANTS(
    tare_training_unary, unary_body,
    (int32_t code, float alpha, float beta, const float *x, float *y, size_t count), (code, alpha, beta, x, y, count))
TARE_VARIANTS(
    tare_training_unary_backward, unary_backward_body,
    (int32_t code, float alpha, float beta, const float *x, const float *y, const float *dy, float *dx, size_t count),
    (code, alpha, beta, x, y, dy, dx, count))

// ---- two elements --------------------------------------------------------------------------------------------------

TARE_INLINE float combine(int32_t code, float a, float b) {
    switch (code) {
        case TARE_TRAINING_ADD: return a + b;
        case TARE_TRAINING_SUBTRACT: return a - b;
        case TARE_TRAINING_MULTIPLY: return a * b;
        case TARE_TRAINING_DIVIDE: return a / b;
        case TARE_TRAINING_POWER: return powf(a, b);
        case TARE_TRAINING_PARAMETRIC_RELU: return a < 0 ? a * b : a;
        // NaN wins, as in the reference kernels.
        case TARE_TRAINING_MINIMUM: return ((a < b) | (a != a)) ? a : b;
        default: return ((a > b) | (a != a)) ? a : b;
    }
}

TARE_INLINE float slope(int32_t code, int32_t second, float a, float b) {
    switch (code) {
        case TARE_TRAINING_ADD: return 1;
        case TARE_TRAINING_SUBTRACT: return second ? -1 : 1;
        case TARE_TRAINING_MULTIPLY: return second ? a : b;
        case TARE_TRAINING_DIVIDE: return second ? -(a / b) / b : 1 / b;
        case TARE_TRAINING_POWER:
            if (!second) return b == 0 ? 0 : b * powf(a, b - 1);
            return ((a == 0) & (b >= 0)) ? 0 : powf(a, b) * logf(a);
        case TARE_TRAINING_PARAMETRIC_RELU: return second ? (a < 0 ? a : 0) : (a < 0 ? b : 1);
        case TARE_TRAINING_MINIMUM: return a == b ? 0.5f : ((a < b) == !second ? 1 : 0);
        default: return a == b ? 0.5f : ((a > b) == !second ? 1 : 0);
    }
}

TARE_INLINE float element(tare_training_operand operand, size_t i) {
    if (operand.table) return operand.values[operand.table[i]];
    return operand.values[operand.period ? i % operand.period : i];
}

/// Whether runs of the operands lie in a row: at most one of them is repeated, and none has a table.
TARE_INLINE int32_t has_runs(tare_training_operand a, tare_training_operand b) {
    return !a.table && !b.table && !(a.period && b.period);
}

enum { TARE_TILE = 1024 };

/// The longest run in whole periods; short periods are repeated in `tile`, so that loops are long.
TARE_INLINE size_t run_length(tare_training_operand a, tare_training_operand b, float *tile, size_t count) {
    const tare_training_operand repeated = a.period ? a : b;
    const size_t period = repeated.period;
    if (!period) return count;
    if (period > TARE_TILE / 2) return period;
    const size_t length = TARE_TILE / period * period;
    for (size_t i = 0; i < length; i += period) memcpy(tile + i, repeated.values, period * sizeof(float));
    return length;
}

/// The elements of an operand from `start`, which begins a period.
TARE_INLINE const float *run_at(tare_training_operand operand, const float *tile, size_t start) {
    if (!operand.period) return operand.values + start;
    return operand.period > TARE_TILE / 2 ? operand.values : tile;
}

#define TARE_BINARY_CASES(LOOP)                                                                                  \
    LOOP(TARE_TRAINING_ADD) LOOP(TARE_TRAINING_SUBTRACT) LOOP(TARE_TRAINING_MULTIPLY) LOOP(TARE_TRAINING_DIVIDE) \
    LOOP(TARE_TRAINING_POWER) LOOP(TARE_TRAINING_PARAMETRIC_RELU) LOOP(TARE_TRAINING_MINIMUM)                    \
    LOOP(TARE_TRAINING_MAXIMUM)

TARE_INLINE void binary_run(int32_t code, const float *a, const float *b, float *y, size_t count) {
#define TARE_LOOP(CODE)  \
    case CODE:           \
        TARE_ELEMENTWISE \
        for (size_t i = 0; i < count; i++) y[i] = combine(CODE, a[i], b[i]); \
        break;
    switch (code) { TARE_BINARY_CASES(TARE_LOOP) default: break; }
#undef TARE_LOOP
}

TARE_INLINE void binary_body(
    int32_t code, tare_training_operand a, tare_training_operand b, float *y, size_t count) {
    if (has_runs(a, b)) {
        float tile[TARE_TILE];
        const size_t length = run_length(a, b, tile, count);
        for (size_t start = 0; start < count; start += length) {
            const size_t width = count - start < length ? count - start : length;
            binary_run(code, run_at(a, tile, start), run_at(b, tile, start), y + start, width);
        }
        return;
    }
#define TARE_LOOP(CODE)  \
    case CODE:           \
        TARE_ELEMENTWISE \
        for (size_t i = 0; i < count; i++) y[i] = combine(CODE, element(a, i), element(b, i)); \
        break;
    switch (code) { TARE_BINARY_CASES(TARE_LOOP) default: break; }
#undef TARE_LOOP
}

TARE_INLINE void binary_backward_run(
    int32_t code, int32_t second, const float *a, const float *b, const float *dy, float *dx, size_t count) {
#define TARE_LOOP(CODE)  \
    case CODE:           \
        TARE_ELEMENTWISE \
        for (size_t i = 0; i < count; i++) dx[i] = dy[i] * slope(CODE, second, a[i], b[i]); \
        break;
    switch (code) { TARE_BINARY_CASES(TARE_LOOP) default: break; }
#undef TARE_LOOP
}

TARE_INLINE void binary_backward_body(
    int32_t code, int32_t second, tare_training_operand a, tare_training_operand b, const float *dy, float *dx,
    size_t count) {
    if (has_runs(a, b)) {
        float tile[TARE_TILE];
        const size_t length = run_length(a, b, tile, count);
        for (size_t start = 0; start < count; start += length) {
            const size_t width = count - start < length ? count - start : length;
            binary_backward_run(
                code, second, run_at(a, tile, start), run_at(b, tile, start), dy + start, dx + start, width);
        }
        return;
    }
#define TARE_LOOP(CODE)  \
    case CODE:           \
        TARE_ELEMENTWISE \
        for (size_t i = 0; i < count; i++) dx[i] = dy[i] * slope(CODE, second, element(a, i), element(b, i)); \
        break;
    switch (code) { TARE_BINARY_CASES(TARE_LOOP) default: break; }
#undef TARE_LOOP
}

TARE_VARIANTS(
    tare_training_binary, binary_body,
    (int32_t code, tare_training_operand a, tare_training_operand b, float *y, size_t count), (code, a, b, y, count))
TARE_VARIANTS(
    tare_training_binary_backward, binary_backward_body,
    (int32_t code, int32_t second, tare_training_operand a, tare_training_operand b, const float *dy, float *dx,
     size_t count),
    (code, second, a, b, dy, dx, count))
