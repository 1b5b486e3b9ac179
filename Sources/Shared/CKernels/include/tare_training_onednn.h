// The passes of training that oneDNN computes; conventions and types are those of tare_onednn.h.
#pragma once
#include "tare_onednn.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TARE_TRAINING_FORWARD, TARE_TRAINING_BACKWARD_DATA, TARE_TRAINING_BACKWARD_WEIGHTS };

/// One pass of a convolution whose weights change from run to run.
typedef struct {
    /// Arguments: source, weights, bias if any, destination; gradient of the destination, weights, gradient of the source; source,
    /// gradient of the destination, gradient of the weights, gradient of the bias if any.
    tare_onednn_primitive *primitive;
    /// Turns weights in ONNX's order into those that the primitive reads, or back for the gradient of the weights. Null when
    /// both are the same. Arguments: from, to.
    tare_onednn_primitive *reorder;
    /// Bytes of the weights as the primitive takes them.
    size_t packed_bytes;
} tare_training_convolution;

/// The description's constants and post-ops are not looked at.
tare_onednn_status tare_training_convolution_create(
    tare_onednn_context *context, const tare_onednn_convolution *description, int32_t pass, int32_t has_bias,
    tare_training_convolution *result);

#ifdef __cplusplus
}
#endif
