// Creation of every primitive except recurrent ones, for oneDNN 2.
#include <stdexcept>

#include "onednn_internal.hpp"

using namespace tare;

namespace {

constexpr auto inference = dnnl::prop_kind::forward_inference;

memory::dims row_major_strides(const memory::dims &extents) {
    memory::dims strides(extents.size(), 1);
    for (size_t axis = extents.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * extents[axis];
    return strides;
}

Descriptor row_major(const memory::dims &extents) { return Descriptor(extents, f32, row_major_strides(extents)); }

template <typename PrimitiveDescriptor, typename Primitive>
tare_onednn_primitive *finish_convolution(
    tare_onednn_context *context, const tare_onednn_convolution &c, const PrimitiveDescriptor &descriptor) {
    Assembly assembly(context);
    assembly.buffer(DNNL_ARG_SRC, describe(c.source));
    assembly.buffer(DNNL_ARG_DST, describe(c.destination));
    assembly.constant(
        DNNL_ARG_WEIGHTS,
        context->constant(
            c.weights.data, c.weights.key, plain_convolution_weights(c), descriptor.weights_desc()));
    if (c.bias.data != nullptr) {
        const Descriptor bias({c.destination.extents[1]}, f32, Tag::x);
        assembly.constant(DNNL_ARG_BIAS, context->constant(c.bias.data, c.bias.key, bias, bias));
    }
    assembly.post_op_operands(c.post_ops);
    assembly.finish(descriptor, Primitive(descriptor));
    return assembly.release();
}

/// The common end of primitives with one source and one destination.
template <typename Primitive, typename PrimitiveDescriptor>
tare_onednn_primitive *finish_unary(
    tare_onednn_context *context, const tare_onednn_tensor &source, const tare_onednn_tensor &destination,
    const tare_onednn_post_ops &post_ops, const PrimitiveDescriptor &descriptor) {
    Assembly assembly(context);
    assembly.buffer(DNNL_ARG_SRC, describe(source));
    assembly.buffer(DNNL_ARG_DST, describe(destination));
    assembly.post_op_operands(post_ops);
    assembly.finish(descriptor, Primitive(descriptor));
    return assembly.release();
}

constexpr tare_onednn_post_ops no_post_ops = {nullptr, 0};

}  // namespace

namespace tare {

memory::dims reduced_by_one(const int64_t *values, int32_t count) {
    auto result = dims(values, count);
    for (auto &value : result) value -= 1;
    return result;
}

Descriptor plain_convolution_weights(const tare_onednn_convolution &c, memory::data_type type) {
    const int64_t groups = c.groups;
    const int64_t in = c.source.extents[1] / groups;
    const int64_t out = c.destination.extents[1] / groups;
    const auto kernel = dims(c.kernel, c.spatial_rank);
    int64_t window = 1;
    for (const auto extent : kernel) window *= extent;
    memory::dims extents, strides;
    if (groups > 1) {
        extents.push_back(groups);
        strides.push_back(in * out * window);
    }
    extents.push_back(out);
    extents.push_back(in);
    // A transposed convolution's weights come with the input channels outermost.
    strides.push_back(c.transposed ? window : in * window);
    strides.push_back(c.transposed ? out * window : window);
    const auto inner = row_major_strides(kernel);
    extents.insert(extents.end(), kernel.begin(), kernel.end());
    strides.insert(strides.end(), inner.begin(), inner.end());
    return Descriptor(extents, type, strides);
}

}  // namespace tare

tare_onednn_status tare_onednn_convolution_create(
    tare_onednn_context *context, const tare_onednn_convolution *description, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const auto &c = *description;
        const auto weights = any_layout(plain_convolution_weights(c).dims());
        const auto bias =
            c.bias.data != nullptr ? Descriptor({c.destination.extents[1]}, f32, Tag::x) : Descriptor();
        const auto attributes = tare::attributes(c.post_ops);
        const auto strides = dims(c.strides, c.spatial_rank);
        const auto dilations = reduced_by_one(c.dilations, c.spatial_rank);
        const auto before = dims(c.padding_before, c.spatial_rank);
        const auto after = dims(c.padding_after, c.spatial_rank);
        if (c.transposed) {
            using Kind = dnnl::deconvolution_forward;
            const Kind::primitive_desc descriptor(
                {inference, algorithm::deconvolution_direct, describe(c.source), weights, bias,
                 describe(c.destination), strides, dilations, before, after},
                attributes, context->engine);
            *primitive = finish_convolution<Kind::primitive_desc, Kind>(context, c, descriptor);
        } else {
            using Kind = dnnl::convolution_forward;
            const Kind::primitive_desc descriptor(
                {inference, algorithm::convolution_direct, describe(c.source), weights, bias,
                 describe(c.destination), strides, dilations, before, after},
                attributes, context->engine);
            *primitive = finish_convolution<Kind::primitive_desc, Kind>(context, c, descriptor);
        }
    });
}

tare_onednn_status tare_onednn_matmul_create(
    tare_onednn_context *context, const tare_onednn_matmul *description, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const auto &m = *description;
        const int32_t rank = m.destination.rank;
        const bool constant = m.constant_weights.data != nullptr;
        const auto plain = describe(m.weights);
        const auto weights = constant ? any_layout(plain.dims()) : plain;
        memory::dims bias_extents(rank, 1);
        bias_extents[rank - 1] = m.destination.extents[rank - 1];
        const auto bias = m.bias.data != nullptr ? row_major(bias_extents) : Descriptor();
        const dnnl::matmul::primitive_desc descriptor(
            {describe(m.source), weights, bias, describe(m.destination)}, tare::attributes(m.post_ops),
            context->engine);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC, describe(m.source));
        if (constant) {
            assembly.constant(
                DNNL_ARG_WEIGHTS,
                context->constant(
                    m.constant_weights.data, m.constant_weights.key, plain, descriptor.weights_desc()));
        } else {
            assembly.buffer(DNNL_ARG_WEIGHTS, plain);
        }
        assembly.buffer(DNNL_ARG_DST, describe(m.destination));
        if (m.bias.data != nullptr) {
            assembly.constant(DNNL_ARG_BIAS, context->constant(m.bias.data, m.bias.key, bias, bias));
        }
        assembly.post_op_operands(m.post_ops);
        assembly.finish(descriptor, dnnl::matmul(descriptor));
        *primitive = assembly.release();
    });
}

tare_onednn_status tare_onednn_pooling_create(
    tare_onednn_context *context, const tare_onednn_pooling *description, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const auto &p = *description;
        algorithm kind = algorithm::pooling_max;
        if (p.algorithm == TARE_ONEDNN_POOL_AVERAGE) kind = algorithm::pooling_avg_exclude_padding;
        if (p.algorithm == TARE_ONEDNN_POOL_AVERAGE_INCLUDING_PADDING) kind = algorithm::pooling_avg_include_padding;
        const auto strides = dims(p.strides, p.spatial_rank);
        const auto kernel = dims(p.kernel, p.spatial_rank);
        const auto dilations = reduced_by_one(p.dilations, p.spatial_rank);
        const auto before = dims(p.padding_before, p.spatial_rank);
        const auto after = dims(p.padding_after, p.spatial_rank);
        const auto attributes = tare::attributes(p.post_ops);
        bool dilated = false;
        for (const auto dilation : dilations) dilated = dilated || dilation != 0;
        if (dilated) {
            using Kind = dnnl::pooling_v2_forward;
            const Kind::primitive_desc descriptor(
                {inference, kind, describe(p.source), describe(p.destination), strides, kernel, dilations, before,
                 after},
                attributes, context->engine);
            *primitive = finish_unary<Kind>(context, p.source, p.destination, p.post_ops, descriptor);
        } else {
            using Kind = dnnl::pooling_forward;
            const Kind::primitive_desc descriptor(
                {inference, kind, describe(p.source), describe(p.destination), strides, kernel, before, after},
                attributes, context->engine);
            *primitive = finish_unary<Kind>(context, p.source, p.destination, p.post_ops, descriptor);
        }
    });
}

tare_onednn_status tare_onednn_eltwise_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, int32_t code,
    float alpha, float beta, tare_onednn_post_ops post_ops, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        // oneDNN 2 has one descriptor for both; the layouts are the same by contract.
        using Kind = dnnl::eltwise_forward;
        const Kind::primitive_desc descriptor(
            {inference, eltwise_algorithm(code), describe(source), alpha, beta}, tare::attributes(post_ops),
            context->engine);
        *primitive = finish_unary<Kind>(context, source, destination, post_ops, descriptor);
    });
}

tare_onednn_status tare_onednn_binary_create(
    tare_onednn_context *context, tare_onednn_tensor first, tare_onednn_tensor second, const float *constant_second,
    tare_onednn_tensor destination, int32_t code, tare_onednn_post_ops post_ops,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const auto operand = describe(second);
        const dnnl::binary::primitive_desc descriptor(
            {binary_algorithm(code), describe(first), operand, describe(destination)},
            tare::attributes(post_ops), context->engine);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC_0, describe(first));
        if (constant_second != nullptr) {
            assembly.constant(DNNL_ARG_SRC_1, context->constant(constant_second, 0, operand, operand));
        } else {
            assembly.buffer(DNNL_ARG_SRC_1, operand);
        }
        assembly.buffer(DNNL_ARG_DST, describe(destination));
        assembly.post_op_operands(post_ops);
        assembly.finish(descriptor, dnnl::binary(descriptor));
        *primitive = assembly.release();
    });
}

tare_onednn_status tare_onednn_batch_normalization_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, const float *scale, const float *shift,
    const float *mean, const float *variance, float epsilon, int32_t relu, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        using dnnl::normalization_flags;
        using Kind = dnnl::batch_normalization_forward;
        auto flags = normalization_flags::use_global_stats | normalization_flags::use_scale
            | normalization_flags::use_shift;
        if (relu) flags = flags | normalization_flags::fuse_norm_relu;
        const Kind::primitive_desc descriptor(
            {inference, describe(tensor), epsilon, flags}, tare::attributes(no_post_ops), context->engine);
        const Descriptor channels({tensor.extents[1]}, f32, Tag::x);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC, describe(tensor));
        assembly.buffer(DNNL_ARG_DST, describe(tensor));
        const std::pair<int, const float *> constants[] = {
            {DNNL_ARG_SCALE, scale}, {DNNL_ARG_SHIFT, shift}, {DNNL_ARG_MEAN, mean}, {DNNL_ARG_VARIANCE, variance}};
        for (const auto &entry : constants) {
            assembly.constant(entry.first, context->constant(entry.second, 0, channels, channels));
        }
        assembly.finish(descriptor, Kind(descriptor));
        *primitive = assembly.release();
    });
}

tare_onednn_status tare_onednn_layer_normalization_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, const float *scale, const float *shift, float epsilon,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        using dnnl::normalization_flags;
        using Kind = dnnl::layer_normalization_forward;
        auto flags = normalization_flags::use_scale;
        if (shift != nullptr) flags = flags | normalization_flags::use_shift;
        const Kind::primitive_desc descriptor(
            {inference, describe(tensor), epsilon, flags}, tare::attributes(no_post_ops), context->engine);
        const Descriptor row({tensor.extents[tensor.rank - 1]}, f32, Tag::x);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC, describe(tensor));
        assembly.buffer(DNNL_ARG_DST, describe(tensor));
        assembly.constant(DNNL_ARG_SCALE, context->constant(scale, 0, row, row));
        if (shift != nullptr) assembly.constant(DNNL_ARG_SHIFT, context->constant(shift, 0, row, row));
        assembly.finish(descriptor, Kind(descriptor));
        *primitive = assembly.release();
    });
}

tare_onednn_status tare_onednn_lrn_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, int64_t size, float alpha, float beta, float bias,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        using Kind = dnnl::lrn_forward;
        const Kind::primitive_desc descriptor(
            {inference, algorithm::lrn_across_channels, describe(tensor), size, alpha, beta, bias},
            tare::attributes(no_post_ops), context->engine);
        *primitive = finish_unary<Kind>(context, tensor, tensor, no_post_ops, descriptor);
    });
}

tare_onednn_status tare_onednn_softmax_create(
    tare_onednn_context *context, tare_onednn_tensor tensor, int32_t axis, int32_t logarithm,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const auto attributes = tare::attributes(no_post_ops);
        if (logarithm) {
            using Kind = dnnl::logsoftmax_forward;
            const Kind::primitive_desc descriptor({inference, describe(tensor), axis}, attributes, context->engine);
            *primitive = finish_unary<Kind>(context, tensor, tensor, no_post_ops, descriptor);
        } else {
            using Kind = dnnl::softmax_forward;
            const Kind::primitive_desc descriptor({inference, describe(tensor), axis}, attributes, context->engine);
            *primitive = finish_unary<Kind>(context, tensor, tensor, no_post_ops, descriptor);
        }
    });
}

tare_onednn_status tare_onednn_reduction_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, int32_t code,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        auto kind = algorithm::reduction_mean;
        switch (code) {
            case TARE_ONEDNN_REDUCE_MEAN: kind = algorithm::reduction_mean; break;
            case TARE_ONEDNN_REDUCE_SUM: kind = algorithm::reduction_sum; break;
            default: throw std::invalid_argument("unknown reduction");
        }
        const dnnl::reduction::primitive_desc descriptor(
            {kind, describe(source), describe(destination), 0.f, 0.f}, tare::attributes(no_post_ops),
            context->engine);
        *primitive = finish_unary<dnnl::reduction>(context, source, destination, no_post_ops, descriptor);
    });
}

tare_onednn_status tare_onednn_resampling_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, int32_t linear,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        using Kind = dnnl::resampling_forward;
        const auto kind = linear ? algorithm::resampling_linear : algorithm::resampling_nearest;
        const Kind::primitive_desc descriptor(
            {inference, kind, describe(source), describe(destination)}, tare::attributes(no_post_ops),
            context->engine);
        *primitive = finish_unary<Kind>(context, source, destination, no_post_ops, descriptor);
    });
}

tare_onednn_status tare_onednn_reorder_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const dnnl::reorder::primitive_desc descriptor(
            context->engine, describe(source), context->engine, describe(destination),
            tare::attributes(no_post_ops));
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_FROM, describe(source));
        assembly.buffer(DNNL_ARG_TO, describe(destination));
        assembly.finish(descriptor, dnnl::reorder(descriptor));
        *primitive = assembly.release();
    });
}
