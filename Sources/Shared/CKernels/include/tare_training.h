// Kernels of training that are not oneDNN's. Numbers are float32 unless a type says otherwise; buffers do not overlap unless a
// comment allows it. Nothing allocates, reads the environment or keeps state (but for `tare_training_limit`), and every
// instruction set gives the same bits.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Limits the instructions of all kernels from now on, for tests: 0 plain, 1 AVX2, 2 AVX-512 (`tare_statistics_variant`).
void tare_training_limit(int32_t variant);

// ---- elementwise (training_elementwise.c) --------------------------------------------------------------------------

/// y = a + b; y may be a or b.
void tare_training_add(const float *a, const float *b, float *y, size_t count);
/// y = max(a + b, 0).
void tare_training_add_relu(const float *a, const float *b, float *y, size_t count);
/// y = factor * x; y may be x.
void tare_training_scale(const float *x, float factor, float *y, size_t count);
/// y = max(x, 0); y may be x. NaN stays.
void tare_training_relu(const float *x, float *y, size_t count);
/// dx = y > 0 ? dy : 0; dx may be dy.
void tare_training_relu_backward(const float *y, const float *dy, float *dx, size_t count);
/// y = min(max(x, *lower), *upper); null is no bound.
void tare_training_clip(const float *x, const float *lower, const float *upper, float *y, size_t count);
/// dx = *lower <= x <= *upper ? dy : 0; dx may be dy.
void tare_training_clip_backward(
    const float *x, const float *lower, const float *upper, const float *dy, float *dx, size_t count);

/// Functions of one element with the parameters alpha and beta.
enum {
    TARE_TRAINING_ABSOLUTE,
    TARE_TRAINING_NEGATE,
    TARE_TRAINING_LEAKY_RELU,    // x > 0 ? x : alpha * x
    TARE_TRAINING_ELU,           // x > 0 ? x : alpha * (exp(x) - 1)
    TARE_TRAINING_SIGMOID,
    TARE_TRAINING_HARD_SIGMOID,  // min(max(alpha * x + beta, 0), 1)
    TARE_TRAINING_HARD_SWISH,    // x * min(max(x / 6 + 0.5, 0), 1)
    TARE_TRAINING_TANH,
    TARE_TRAINING_EXP,
    TARE_TRAINING_LOG,
    TARE_TRAINING_SQRT,
    TARE_TRAINING_RECIPROCAL,
    TARE_TRAINING_ERF,
    TARE_TRAINING_SOFTPLUS,
    TARE_TRAINING_FLOOR,
    TARE_TRAINING_CEIL,
    TARE_TRAINING_ROUND,         // half to even
    TARE_TRAINING_GELU_ERF,
    TARE_TRAINING_GELU_TANH,
};

void tare_training_unary(int32_t code, float alpha, float beta, const float *x, float *y, size_t count);
/// Floor, ceil and round have gradient 0. dx may be dy.
void tare_training_unary_backward(
    int32_t code, float alpha, float beta, const float *x, const float *y, const float *dy, float *dx, size_t count);

/// Functions of two elements.
enum {
    TARE_TRAINING_ADD,
    TARE_TRAINING_SUBTRACT,
    TARE_TRAINING_MULTIPLY,
    TARE_TRAINING_DIVIDE,
    TARE_TRAINING_POWER,
    TARE_TRAINING_PARAMETRIC_RELU,  // a < 0 ? a * b : a
    TARE_TRAINING_MINIMUM,          // gradients of equal elements are halved
    TARE_TRAINING_MAXIMUM,
};

/// An operand of a function of two elements: element `i` is values[table[i]]; without a table values[i % period], and values[i] when the
/// period is 0.
typedef struct {
    const float *values;
    const int32_t *table;
    size_t period;
} tare_training_operand;

void tare_training_binary(
    int32_t code, tare_training_operand a, tare_training_operand b, float *y, size_t count);
/// What each element of the result contributes to the gradient of its operand a (`second` 0) or b. dx may be dy.
void tare_training_binary_backward(
    int32_t code, int32_t second, tare_training_operand a, tare_training_operand b, const float *dy, float *dx,
    size_t count);

// ---- movement (training_movement.c) --------------------------------------------------------------------------------

/// Copies `rows` runs of `width` elements, which start so many elements apart.
void tare_training_copy_rows(
    const float *x, size_t x_stride, float *y, size_t y_stride, size_t rows, size_t width);
/// y[i] = table[i] < 0 ? fill : x[table[i]].
void tare_training_gather(const float *x, const int32_t *table, float fill, float *y, size_t count);
/// sums[table[i]] += x[i] for table[i] >= 0, in the order of i.
void tare_training_scatter(const float *x, const int32_t *table, double *sums, size_t count);
/// sums[i % period] += x[i] in the order of i; count is a multiple of period.
void tare_training_period_sums(const float *x, size_t period, double *sums, size_t count);
/// The same as `tare_training_scatter` in float32, for tables that name no element twice or few times.
void tare_training_scatter_float(const float *x, const int32_t *table, float *y, size_t count);
/// y[i] = factor * sums[i], rounded once.
void tare_training_round_sums(const double *sums, double factor, float *y, size_t count);
/// factor * the sum of all elements, in eight interleaved sums.
void tare_training_total(const float *x, double factor, float *y, size_t count);
/// Largest (or smallest) element of each group; positions are those of the first such element.
void tare_training_extremes(
    const float *x, const int32_t *table, int32_t smallest, float *y, int32_t *positions, size_t count, size_t groups);
/// dx = 0 except dx[positions[g]] = dy[g].
void tare_training_place(const float *dy, const int32_t *positions, float *dx, size_t groups, size_t count);
/// y [outer, indices, inner] = rows of x [outer, extent, inner]; negative indices count from the end. Returns the position of the
/// first index out of range, or -1.
int64_t tare_training_take(
    const float *x, const int64_t *indices, size_t outer, size_t extent, size_t inner, size_t index_count, float *y);
/// dx = 0, then the rows of dy are added in order.
void tare_training_take_backward(
    const float *dy, const int64_t *indices, size_t outer, size_t extent, size_t inner, size_t index_count, float *dx);

// ---- rows (training_rows.c) ----------------------------------------------------------------------------------------

/// Softmax (or its logarithm) along the middle axis of [outer, extent, inner].
void tare_training_softmax(
    const float *x, int32_t logarithm, size_t outer, size_t extent, size_t inner, float *y);
void tare_training_softmax_backward(
    const float *y, const float *dy, int32_t logarithm, size_t outer, size_t extent, size_t inner, float *dx);

/// Rows of `width`; scale and shift (may be null) have `width` elements. Saves mean and inverse deviation of each row.
void tare_training_layer_norm(
    const float *x, const float *scale, const float *shift, float epsilon, size_t rows, size_t width, float *y,
    float *means, float *inverses);
/// dx, scale's gradient and shift's gradient may be null. `sums` has 2 * width elements. Sums go over the rows in order.
void tare_training_layer_norm_backward(
    const float *x, const float *scale, const float *means, const float *inverses, const float *dy, size_t rows,
    size_t width, float *dx, float *dscale, float *dshift, double *sums);

/// Mean cross-entropy of logits [rows, classes] against labels, with label smoothing; dx is its gradient. Returns the position
/// of the first label out of range, or -1. `correct` counts rows whose first largest logit is the label's.
int64_t tare_training_cross_entropy(
    const float *x, const int64_t *labels, double smoothing, size_t rows, size_t classes, double *loss,
    int64_t *correct, float *dx);
/// Mixes a loss and its gradient dx with the divergence of logits from a teacher's: loss becomes (1 - weight) * loss +
/// weight * T^2 * mean over the rows of KL(softmax(teacher / T) || softmax(x / T)), and dx follows; dx may be null. `agreeing`
/// counts rows whose first largest logits are at the same place.
void tare_training_distillation(
    const float *x, const float *teacher, double temperature, double weight, size_t rows, size_t classes, double *loss,
    int64_t *agreeing, float *dx);
/// Mean squared error; dx may be null.
double tare_training_squared_error(const float *x, const float *target, float *dx, size_t count);
/// Sum of products.
double tare_training_dot(const float *x, const float *weights, size_t count);

// ---- normalization (training_normalization.c) ----------------------------------------------------------------------

/// x [rows, channels]. y = (x - mean) * scale / sqrt(variance + epsilon) + shift with mean and biased variance of the batch, then
/// max(y, 0) when `relu`. The saved arrays have one element per channel; `work` has 4 * channels.
typedef struct {
    size_t rows, channels;
    float epsilon, momentum;
    int32_t relu;
} tare_training_batch;

void tare_training_batch_norm(
    const tare_training_batch *batch, const float *x, const float *scale, const float *shift,
    const float *running_mean, const float *running_variance, float *y, float *new_mean, float *new_variance,
    float *saved_mean, float *saved_inverse, double *work);
/// y gives the mask of `relu`. Outputs may be null; dx may be dy.
void tare_training_batch_norm_backward(
    const tare_training_batch *batch, const float *x, const float *y, const float *dy, const float *scale,
    const float *saved_mean, const float *saved_inverse, float *dx, float *dscale, float *dshift, double *work);
/// The same with given statistics: saved_mean and saved_inverse follow from them.
void tare_training_fixed_norm(
    const tare_training_batch *batch, const float *x, const float *scale, const float *shift, const float *mean,
    const float *variance, float *y, float *saved_mean, float *saved_inverse, double *work);
void tare_training_fixed_norm_backward(
    const tare_training_batch *batch, const float *x, const float *y, const float *dy, const float *scale,
    const float *saved_mean, const float *saved_inverse, float *dx, float *dscale, float *dshift, double *work);
/// Sums of the columns of x [rows, channels].
void tare_training_column_sums(const float *x, size_t rows, size_t channels, float *y, double *work);

// ---- pooling (training_pooling.c) ----------------------------------------------------------------------------------

/// Tensors [batch, input..., channels] and [batch, output..., channels].
typedef struct {
    size_t batch, channels;
    int64_t input[3], output[3], kernel[3], stride[3], dilation[3], before[3], after[3];
    /// Average: whether padding counts in the divisor.
    int32_t counts_padding;
} tare_training_window;

/// Positions name the element of the window, the first largest one.
void tare_training_max_pool(const tare_training_window *w, const float *x, float *y, int32_t *positions);
void tare_training_max_pool_backward(
    const tare_training_window *w, const int32_t *positions, const float *dy, float *dx);
void tare_training_average_pool(const tare_training_window *w, const float *x, float *y);
void tare_training_average_pool_backward(const tare_training_window *w, const float *dy, float *dx);

// ---- recurrent layers (training_recurrent.c) -----------------------------------------------------------------------

/// One step of an LSTM: gates [batch, 4 * hidden] come as projected inputs and leave as activated gates; `recurrent` is the product
/// with the old state, `bias` [8 * hidden] or null. Writes the cell, its hyperbolic tangent and the state, each [batch, hidden].
void tare_training_lstm_cell(
    float *gates, const float *recurrent, const float *bias, const float *old_cell, float *cell, float *squashed,
    float *state, size_t batch, size_t hidden);
/// Gradients of the gates before their activation; dcell becomes that of the old cell.
void tare_training_lstm_cell_backward(
    const float *gates, const float *old_cell, const float *squashed, const float *dstate, float *dcell, float *dgates,
    size_t batch, size_t hidden);

// ---- optimizers (training_optimizers.c) ----------------------------------------------------------------------------

/// g += decay * w; v = momentum * v + g; w -= rate * v. `velocity` may be null: then w -= rate * g.
void tare_training_sgd(
    float *weights, const float *gradient, float *velocity, size_t count, float rate, float momentum, float decay);

typedef struct {
    float rate, beta1, beta2, epsilon, decay;
    /// 1 - beta1 ^ step and sqrt(1 - beta2 ^ step).
    float correction1, root_correction2;
} tare_training_adam_step;

void tare_training_adam(
    const tare_training_adam_step *step, float *weights, const float *gradient, float *first, float *second,
    size_t count);

#ifdef __cplusplus
}
#endif
