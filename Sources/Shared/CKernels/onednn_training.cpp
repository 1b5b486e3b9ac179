// Convolutions of training, forward and backward, for oneDNN 2.
#include "onednn_internal.hpp"

#include "include/tare_training_onednn.h"

using namespace tare;

namespace {

struct ConvolutionKind {
    using Forward = dnnl::convolution_forward;
    using BackwardData = dnnl::convolution_backward_data;
    using BackwardWeights = dnnl::convolution_backward_weights;
    static constexpr auto algorithm = tare::algorithm::convolution_direct;
};

struct DeconvolutionKind {
    using Forward = dnnl::deconvolution_forward;
    using BackwardData = dnnl::deconvolution_backward_data;
    using BackwardWeights = dnnl::deconvolution_backward_weights;
    static constexpr auto algorithm = tare::algorithm::deconvolution_direct;
};

/// What all passes of a convolution share.
struct Layer {
    Layer(const tare_onednn_convolution &c, bool has_bias)
        : source(describe(c.source)), destination(describe(c.destination)), plain(plain_convolution_weights(c)),
          packed(any_layout(plain.dims())), strides(tare::dims(c.strides, c.spatial_rank)),
          dilations(reduced_by_one(c.dilations, c.spatial_rank)), before(tare::dims(c.padding_before, c.spatial_rank)),
          after(tare::dims(c.padding_after, c.spatial_rank)) {
        if (has_bias) bias = Descriptor({c.destination.extents[1]}, f32, Tag::x);
        attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    }

    Descriptor source, destination, plain, packed, bias;
    memory::dims strides, dilations, before, after;
    dnnl::primitive_attr attributes;
};

/// The copy between plain and packed weights, or null.
tare_onednn_primitive *reorder(tare_onednn_context *context, const Descriptor &from, const Descriptor &to) {
    if (from == to) return nullptr;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc descriptor(context->engine, from, context->engine, to, attributes);
    Assembly assembly(context);
    assembly.buffer(DNNL_ARG_FROM, from);
    assembly.buffer(DNNL_ARG_TO, to);
    assembly.finish(descriptor, dnnl::reorder(descriptor));
    return assembly.release();
}

template <typename Kind>
void create(
    tare_onednn_context *context, const Layer &layer, int32_t pass, bool has_bias, tare_training_convolution *result) {
    const typename Kind::Forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, Kind::algorithm, layer.source, layer.packed, layer.bias, layer.destination,
         layer.strides, layer.dilations, layer.before, layer.after},
        layer.attributes, context->engine);
    Assembly assembly(context);
    if (pass == TARE_TRAINING_FORWARD) {
        const auto packed = forward.weights_desc();
        assembly.buffer(DNNL_ARG_SRC, layer.source);
        assembly.buffer(DNNL_ARG_WEIGHTS, packed);
        if (has_bias) assembly.buffer(DNNL_ARG_BIAS, layer.bias);
        assembly.buffer(DNNL_ARG_DST, layer.destination);
        assembly.finish(forward, typename Kind::Forward(forward));
        result->reorder = reorder(context, layer.plain, packed);
        result->packed_bytes = packed.get_size();
    } else if (pass == TARE_TRAINING_BACKWARD_DATA) {
        const typename Kind::BackwardData::primitive_desc backward(
            {Kind::algorithm, layer.source, layer.packed, layer.destination, layer.strides, layer.dilations, layer.before,
             layer.after},
            layer.attributes, context->engine, forward);
        const auto packed = backward.weights_desc();
        assembly.buffer(DNNL_ARG_DIFF_DST, layer.destination);
        assembly.buffer(DNNL_ARG_WEIGHTS, packed);
        assembly.buffer(DNNL_ARG_DIFF_SRC, layer.source);
        assembly.finish(backward, typename Kind::BackwardData(backward));
        result->reorder = reorder(context, layer.plain, packed);
        result->packed_bytes = packed.get_size();
    } else {
        const typename Kind::BackwardWeights::primitive_desc backward(
            {Kind::algorithm, layer.source, layer.packed, layer.bias, layer.destination, layer.strides, layer.dilations,
             layer.before, layer.after},
            layer.attributes, context->engine, forward);
        const auto packed = backward.diff_weights_desc();
        assembly.buffer(DNNL_ARG_SRC, layer.source);
        assembly.buffer(DNNL_ARG_DIFF_DST, layer.destination);
        assembly.buffer(DNNL_ARG_DIFF_WEIGHTS, packed);
        if (has_bias) assembly.buffer(DNNL_ARG_DIFF_BIAS, layer.bias);
        assembly.finish(backward, typename Kind::BackwardWeights(backward));
        result->reorder = reorder(context, packed, layer.plain);
        result->packed_bytes = packed.get_size();
    }
    result->primitive = assembly.release();
}

}  // namespace

tare_onednn_status tare_training_convolution_create(
    tare_onednn_context *context, const tare_onednn_convolution *description, int32_t pass, int32_t has_bias,
    tare_training_convolution *result) {
    *result = {nullptr, nullptr, 0};
    const auto status = guarded([&] {
        const Layer layer(*description, has_bias != 0);
        if (description->transposed) {
            create<DeconvolutionKind>(context, layer, pass, has_bias != 0, result);
        } else {
            create<ConvolutionKind>(context, layer, pass, has_bias != 0, result);
        }
    });
    if (status.code != TARE_ONEDNN_OK && result->reorder != nullptr) {
        tare_onednn_primitive_destroy(result->reorder);
        *result = {nullptr, nullptr, 0};
    }
    return status;
}
