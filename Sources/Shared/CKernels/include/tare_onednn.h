#pragma once
// oneDNN behind a C interface that hides its version: opaque handles, plain descriptions, a status from every call.
// Numbers are float32 unless a function says otherwise. No exception and no abort crosses this interface. Nothing here is thread safe: a context and
// what was made from it belong to one thread at a time, and every computation uses one thread.
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TARE_ONEDNN_MAX_RANK 8
#define TARE_ONEDNN_MAX_SPATIAL 3

/// Outcome of a call.
enum {
    TARE_ONEDNN_OK = 0,
    /// The library has no implementation for this description; the caller computes it another way.
    TARE_ONEDNN_UNIMPLEMENTED = 1,
    /// Anything else; the message says what.
    TARE_ONEDNN_FAILED = 2,
};

typedef struct {
    int32_t code;
    char message[200];
} tare_onednn_status;

/// Extents and strides (in elements) of a tensor; strides need not be dense.
typedef struct {
    int32_t rank;
    int64_t extents[TARE_ONEDNN_MAX_RANK];
    int64_t strides[TARE_ONEDNN_MAX_RANK];
} tare_onednn_tensor;

tare_onednn_tensor tare_onednn_tensor_make(int32_t rank, const int64_t *extents, const int64_t *strides);

/// Functions of one element, with the parameters alpha and beta of oneDNN.
enum {
    TARE_ONEDNN_RELU,          // x > 0 ? x : alpha * x
    TARE_ONEDNN_TANH,
    TARE_ONEDNN_ELU,           // x > 0 ? x : alpha * (exp(x) - 1)
    TARE_ONEDNN_SQUARE,
    TARE_ONEDNN_ABS,
    TARE_ONEDNN_SQRT,
    TARE_ONEDNN_LINEAR,        // alpha * x + beta
    TARE_ONEDNN_SIGMOID,
    TARE_ONEDNN_EXP,
    TARE_ONEDNN_GELU_TANH,
    TARE_ONEDNN_SWISH,         // x * sigmoid(alpha * x)
    TARE_ONEDNN_LOG,
    TARE_ONEDNN_CLIP,          // min(max(x, alpha), beta)
    TARE_ONEDNN_POWER,         // alpha * x ^ beta
    TARE_ONEDNN_GELU_ERF,
    TARE_ONEDNN_ROUND,         // half to even
    TARE_ONEDNN_HARDSWISH,     // x * min(max(x + 3, 0), 6) / 6
};

/// Functions of two elements.
enum {
    TARE_ONEDNN_ADD,
    TARE_ONEDNN_SUBTRACT,
    TARE_ONEDNN_MULTIPLY,
    TARE_ONEDNN_DIVIDE,
    TARE_ONEDNN_MINIMUM,
    TARE_ONEDNN_MAXIMUM,
};

/// What happens to the result of a primitive before it is stored.
enum {
    /// Adds what the destination held before.
    TARE_ONEDNN_POST_SUM,
    /// Applies `algorithm` of one element.
    TARE_ONEDNN_POST_ELTWISE,
    /// Applies `algorithm` to the result and `operand`, which is one more argument of the primitive, or `constant`.
    TARE_ONEDNN_POST_BINARY,
};

typedef struct {
    int32_t kind;
    int32_t algorithm;
    float alpha;
    float beta;
    tare_onednn_tensor operand;
    /// When not null, the operand's elements (dense in the order of its strides), copied at creation.
    const float *constant;
} tare_onednn_post_op;

typedef struct {
    const tare_onednn_post_op *items;
    int32_t count;
} tare_onednn_post_ops;

/// The engine, the stream, the scratchpad and the cache of reordered weights of one executor.
typedef struct tare_onednn_context tare_onednn_context;
/// One ready-made computation with its constants.
typedef struct tare_onednn_primitive tare_onednn_primitive;

/// A constant operand. `key` names its contents: constants of one context with the same key (not 0) and the same
/// wanted layout share one reordered copy.
typedef struct {
    const float *data;
    uint64_t key;
} tare_onednn_constant;

/// Makes the calling thread compute on one thread; needed before executing on a thread that created nothing.
void tare_onednn_prepare_thread(void);

tare_onednn_status tare_onednn_context_create(tare_onednn_context **context);
void tare_onednn_context_destroy(tare_onednn_context *context);
/// Bytes of reordered weights and constants that the context shares between primitives.
size_t tare_onednn_context_constant_bytes(const tare_onednn_context *context);

void tare_onednn_primitive_destroy(tare_onednn_primitive *primitive);
/// The library's name of the implementation that it chose.
const char *tare_onednn_primitive_implementation(const tare_onednn_primitive *primitive);
/// Computes. `buffers` are the addresses of the arguments, in the order that each creation function gives, then those
/// of the post-ops' operands that are not constant, in their order.
tare_onednn_status tare_onednn_execute(
    tare_onednn_context *context, tare_onednn_primitive *primitive, void *const *buffers, int32_t count);

/// Source [N, C, spatial...], weights as ONNX orders them ([M, C/groups, kernel...], or [C, M/groups, kernel...] when
/// transposed), destination [N, M, spatial...].
typedef struct {
    tare_onednn_tensor source;
    tare_onednn_tensor destination;
    int32_t spatial_rank;
    int64_t kernel[TARE_ONEDNN_MAX_SPATIAL];
    int64_t strides[TARE_ONEDNN_MAX_SPATIAL];
    int64_t dilations[TARE_ONEDNN_MAX_SPATIAL];
    int64_t padding_before[TARE_ONEDNN_MAX_SPATIAL];
    int64_t padding_after[TARE_ONEDNN_MAX_SPATIAL];
    int64_t groups;
    int32_t transposed;
    tare_onednn_constant weights;
    /// [M], or data null.
    tare_onednn_constant bias;
    tare_onednn_post_ops post_ops;
} tare_onednn_convolution;

/// Arguments: source, destination.
tare_onednn_status tare_onednn_convolution_create(
    tare_onednn_context *context, const tare_onednn_convolution *description, tare_onednn_primitive **primitive);

/// Source [..., M, K], weights [..., K, N], destination [..., M, N]; batch extents of 1 broadcast.
typedef struct {
    tare_onednn_tensor source;
    tare_onednn_tensor weights;
    tare_onednn_tensor destination;
    /// Data null when the weights are an argument.
    tare_onednn_constant constant_weights;
    /// [N], or data null.
    tare_onednn_constant bias;
    tare_onednn_post_ops post_ops;
} tare_onednn_matmul;

/// Arguments: source, weights unless constant, destination.
tare_onednn_status tare_onednn_matmul_create(
    tare_onednn_context *context, const tare_onednn_matmul *description, tare_onednn_primitive **primitive);

/// Sums of products of bytes, exact on processors with VNNI or AMX: source int8 or uint8, destination int32. `weights` are
/// int8, ordered as a convolution's; the description's own weights give the key only, and it has no bias, no post-ops and is
/// not transposed. Arguments: source, destination.
tare_onednn_status tare_onednn_integer_convolution_create(
    tare_onednn_context *context, const tare_onednn_convolution *description, const int8_t *weights,
    int32_t source_is_unsigned, tare_onednn_primitive **primitive);

/// The same of matrices: source [M, K], weights [N, K] row-major, destination [M, N]. Arguments: source, destination.
tare_onednn_status tare_onednn_integer_matmul_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, const int8_t *weights,
    uint64_t key, int32_t source_is_unsigned, tare_onednn_primitive **primitive);

enum { TARE_ONEDNN_POOL_MAX, TARE_ONEDNN_POOL_AVERAGE_INCLUDING_PADDING, TARE_ONEDNN_POOL_AVERAGE };

typedef struct {
    tare_onednn_tensor source;
    tare_onednn_tensor destination;
    int32_t algorithm;
    int32_t spatial_rank;
    int64_t kernel[TARE_ONEDNN_MAX_SPATIAL];
    int64_t strides[TARE_ONEDNN_MAX_SPATIAL];
    /// 1 is a dense window.
    int64_t dilations[TARE_ONEDNN_MAX_SPATIAL];
    int64_t padding_before[TARE_ONEDNN_MAX_SPATIAL];
    int64_t padding_after[TARE_ONEDNN_MAX_SPATIAL];
    tare_onednn_post_ops post_ops;
} tare_onednn_pooling;

/// Arguments: source, destination.
tare_onednn_status tare_onednn_pooling_create(
    tare_onednn_context *context, const tare_onednn_pooling *description, tare_onednn_primitive **primitive);

/// The largest of each window of bytes, int8 or uint8. The description has no post-ops. Arguments: source, destination.
tare_onednn_status tare_onednn_integer_pooling_create(
    tare_onednn_context *context, const tare_onednn_pooling *description, int32_t is_unsigned,
    tare_onednn_primitive **primitive);

/// Arguments: source, destination.
tare_onednn_status tare_onednn_eltwise_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, int32_t code,
    float alpha, float beta, tare_onednn_post_ops post_ops, tare_onednn_primitive **primitive);

/// The second operand broadcasts to the first, which has the destination's extents. Arguments: first, second unless
/// constant, destination.
tare_onednn_status tare_onednn_binary_create(
    tare_onednn_context *context, tare_onednn_tensor first, tare_onednn_tensor second, const float *constant_second,
    tare_onednn_tensor destination, int32_t code, tare_onednn_post_ops post_ops,
    tare_onednn_primitive **primitive);

/// scale * (x - mean) / sqrt(variance + epsilon) + shift along axis 1. Each constant is [C]. Arguments: source, destination.
tare_onednn_status tare_onednn_batch_normalization_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, const float *scale, const float *shift,
    const float *mean, const float *variance, float epsilon, int32_t relu, tare_onednn_primitive **primitive);

/// Normalises along the last axis; scale and shift are as long as that axis. Arguments: source, destination.
tare_onednn_status tare_onednn_layer_normalization_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, const float *scale, const float *shift, float epsilon,
    tare_onednn_primitive **primitive);

/// Across channels. Arguments: source, destination.
tare_onednn_status tare_onednn_lrn_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, int64_t size, float alpha, float beta, float bias,
    tare_onednn_primitive **primitive);

/// Arguments: source, destination.
tare_onednn_status tare_onednn_softmax_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, int32_t axis, int32_t logarithm,
    tare_onednn_primitive **primitive);

enum { TARE_ONEDNN_REDUCE_MEAN, TARE_ONEDNN_REDUCE_SUM };

/// Reduced axes have extent 1 in the destination. Arguments: source, destination.
tare_onednn_status tare_onednn_reduction_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, int32_t code,
    tare_onednn_primitive **primitive);

/// Half-pixel coordinates. Arguments: source, destination.
tare_onednn_status tare_onednn_resampling_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, int32_t linear,
    tare_onednn_primitive **primitive);

/// Copies elements between two arrangements of the same extents. Arguments: source, destination.
tare_onednn_status tare_onednn_reorder_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination,
    tare_onednn_primitive **primitive);

enum { TARE_ONEDNN_LSTM, TARE_ONEDNN_GRU, TARE_ONEDNN_GRU_LINEAR_BEFORE_RESET };

/// One layer. Source [T, N, I], dense; destination [T, N, directions * H], dense; states [directions, N, H], dense.
/// Constants are ordered as ONNX orders them: W [directions, gates * H, I], R [directions, gates * H, H],
/// B [directions, 2 * gates * H] or null.
typedef struct {
    int32_t kind;
    int64_t steps;
    int64_t batch;
    int64_t input_size;
    int64_t hidden_size;
    int32_t reverse;
    int32_t bidirectional;
    const float *weights;
    const float *recurrence;
    const float *bias;
    int32_t has_initial_hidden;
    int32_t has_initial_cell;
} tare_onednn_recurrent;

/// Arguments: source, initial hidden state if any, initial cell state if any, destination, final hidden state, final
/// cell state (LSTM).
tare_onednn_status tare_onednn_recurrent_create(
    tare_onednn_context *context, const tare_onednn_recurrent *description, tare_onednn_primitive **primitive);

/// The name of the instruction set that the library uses, for example "avx512_core_amx"; never null.
const char *tare_onednn_instruction_set(void);
/// Limits the instruction set to one that `tare_onednn_instruction_set` can name. Must come before every other call.
tare_onednn_status tare_onednn_limit_instruction_set(const char *name);
/// The library's version, for example "2.6.3".
const char *tare_onednn_version(void);

#ifdef __cplusplus
}
#endif
