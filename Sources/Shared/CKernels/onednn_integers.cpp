// Integer forms of convolution, matrix product and pooling, for oneDNN 2.
#include "onednn_internal.hpp"

using namespace tare;

namespace {

constexpr auto inference = dnnl::prop_kind::forward_inference;
constexpr auto s8 = memory::data_type::s8;
constexpr auto s32 = memory::data_type::s32;
constexpr tare_onednn_post_ops no_post_ops = {nullptr, 0};

memory::data_type byte_type(int32_t is_unsigned) { return is_unsigned ? memory::data_type::u8 : s8; }

}  // namespace

tare_onednn_status tare_onednn_integer_convolution_create(
    tare_onednn_context *context, const tare_onednn_convolution *description, const int8_t *weights,
    int32_t source_is_unsigned, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        using Kind = dnnl::convolution_forward;
        const auto &c = *description;
        const auto plain = plain_convolution_weights(c, s8);
        const auto source = describe(c.source, byte_type(source_is_unsigned));
        const auto destination = describe(c.destination, s32);
        const Kind::primitive_desc descriptor(
            {inference, algorithm::convolution_direct, source, any_layout(plain.dims(), s8), destination,
             dims(c.strides, c.spatial_rank), reduced_by_one(c.dilations, c.spatial_rank),
             dims(c.padding_before, c.spatial_rank), dims(c.padding_after, c.spatial_rank)},
            tare::attributes(no_post_ops), context->engine);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC, source);
        assembly.buffer(DNNL_ARG_DST, destination);
        assembly.constant(
            DNNL_ARG_WEIGHTS, context->constant(weights, c.weights.key, plain, descriptor.weights_desc()));
        assembly.finish(descriptor, Kind(descriptor));
        *primitive = assembly.release();
    });
}

tare_onednn_status tare_onednn_integer_matmul_create(
    tare_onednn_context *context, tare_onednn_tensor source, tare_onednn_tensor destination, const int8_t *weights,
    uint64_t key, int32_t source_is_unsigned, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const int64_t depth = source.extents[1];
        const int64_t columns = destination.extents[1];
        const Descriptor plain(memory::dims{depth, columns}, s8, memory::dims{1, depth});
        const auto input = describe(source, byte_type(source_is_unsigned));
        const auto output = describe(destination, s32);
        const dnnl::matmul::primitive_desc descriptor(
            {input, any_layout(plain.dims(), s8), output}, tare::attributes(no_post_ops), context->engine);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC, input);
        assembly.buffer(DNNL_ARG_DST, output);
        assembly.constant(DNNL_ARG_WEIGHTS, context->constant(weights, key, plain, descriptor.weights_desc()));
        assembly.finish(descriptor, dnnl::matmul(descriptor));
        *primitive = assembly.release();
    });
}

tare_onednn_status tare_onednn_integer_pooling_create(
    tare_onednn_context *context, const tare_onednn_pooling *description, int32_t is_unsigned,
    tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        using Kind = dnnl::pooling_forward;
        const auto &p = *description;
        for (int32_t axis = 0; axis < p.spatial_rank; ++axis) {
            if (p.dilations[axis] != 1) throw dnnl::error(dnnl_unimplemented, "dilated pooling of bytes");
        }
        const auto source = describe(p.source, byte_type(is_unsigned));
        const auto destination = describe(p.destination, byte_type(is_unsigned));
        const Kind::primitive_desc descriptor(
            {inference, algorithm::pooling_max, source, destination, dims(p.strides, p.spatial_rank),
             dims(p.kernel, p.spatial_rank), dims(p.padding_before, p.spatial_rank),
             dims(p.padding_after, p.spatial_rank)},
            tare::attributes(no_post_ops), context->engine);
        Assembly assembly(context);
        assembly.buffer(DNNL_ARG_SRC, source);
        assembly.buffer(DNNL_ARG_DST, destination);
        assembly.finish(descriptor, Kind(descriptor));
        *primitive = assembly.release();
    });
}
