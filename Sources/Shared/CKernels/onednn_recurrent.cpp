// Creation of LSTM and GRU layers, for oneDNN 2.
#include "onednn_internal.hpp"

using namespace tare;

namespace {

constexpr auto inference = dnnl::prop_kind::forward_inference;

/// Which ONNX gate each oneDNN gate is: ONNX orders i, o, f, c and z, r, h; oneDNN i, f, c, o and z, r, h.
const int64_t lstm_gates[] = {0, 2, 3, 1};
const int64_t gru_gates[] = {0, 1, 2};

struct Layer {
    const tare_onednn_recurrent &description;
    int64_t gates;
    const int64_t *order;
    int64_t directions;

    explicit Layer(const tare_onednn_recurrent &r)
        : description(r),
          gates(r.kind == TARE_ONEDNN_LSTM ? 4 : 3),
          order(r.kind == TARE_ONEDNN_LSTM ? lstm_gates : gru_gates),
          directions(r.bidirectional ? 2 : 1) {}

    dnnl::rnn_direction direction() const {
        if (description.bidirectional) return dnnl::rnn_direction::bidirectional_concat;
        return description.reverse ? dnnl::rnn_direction::unidirectional_right2left
                                   : dnnl::rnn_direction::unidirectional_left2right;
    }

    Descriptor states() const {
        return Descriptor({1, directions, description.batch, description.hidden_size}, f32, Tag::ldnc);
    }

    Descriptor source() const {
        return Descriptor({description.steps, description.batch, description.input_size}, f32, Tag::tnc);
    }

    Descriptor destination() const {
        return Descriptor(
            {description.steps, description.batch, directions * description.hidden_size}, f32, Tag::tnc);
    }

    memory::dims weight_extents(int64_t inputs) const {
        return {1, directions, inputs, gates, description.hidden_size};
    }

    /// ONNX's [directions, gates * H, inputs] as [directions, inputs, gates, H] with the library's gate order.
    std::vector<float> weights(const float *data, int64_t inputs) const {
        const int64_t hidden = description.hidden_size;
        std::vector<float> result(static_cast<size_t>(directions * inputs * gates * hidden));
        for (int64_t d = 0; d < directions; ++d)
            for (int64_t i = 0; i < inputs; ++i)
                for (int64_t g = 0; g < gates; ++g)
                    for (int64_t h = 0; h < hidden; ++h)
                        result[((d * inputs + i) * gates + g) * hidden + h] =
                            data[((d * gates + order[g]) * hidden + h) * inputs + i];
        return result;
    }

    int64_t bias_gates() const {
        return description.kind == TARE_ONEDNN_GRU_LINEAR_BEFORE_RESET ? gates + 1 : gates;
    }

    Descriptor bias_layout() const {
        return Descriptor({1, directions, bias_gates(), description.hidden_size}, f32, Tag::ldgo);
    }

    /// Input and recurrence bias in one; the hidden gate of a linear-before-reset GRU keeps them apart.
    std::vector<float> bias() const {
        const int64_t hidden = description.hidden_size;
        const bool separate = bias_gates() != gates;
        std::vector<float> result(static_cast<size_t>(directions * bias_gates() * hidden), 0.f);
        if (description.bias == nullptr) return result;
        for (int64_t d = 0; d < directions; ++d) {
            const float *input = description.bias + d * 2 * gates * hidden;
            const float *recurrence = input + gates * hidden;
            for (int64_t g = 0; g < gates; ++g)
                for (int64_t h = 0; h < hidden; ++h) {
                    const bool last = separate && g == gates - 1;
                    const float r = recurrence[order[g] * hidden + h];
                    float *gate = &result[(d * bias_gates() + g) * hidden + h];
                    *gate = input[order[g] * hidden + h] + (last ? 0.f : r);
                    if (last) gate[hidden] = r;
                }
        }
        return result;
    }
};

template <typename Kind, typename PrimitiveDescriptor>
tare_onednn_primitive *finish(
    tare_onednn_context *context, const Layer &layer, const PrimitiveDescriptor &descriptor) {
    const auto &r = layer.description;
    const bool lstm = r.kind == TARE_ONEDNN_LSTM;
    Assembly assembly(context);
    assembly.buffer(DNNL_ARG_SRC_LAYER, layer.source());
    if (r.has_initial_hidden) assembly.buffer(DNNL_ARG_SRC_ITER, layer.states());
    if (lstm && r.has_initial_cell) assembly.buffer(DNNL_ARG_SRC_ITER_C, layer.states());
    assembly.buffer(DNNL_ARG_DST_LAYER, layer.destination());
    assembly.buffer(DNNL_ARG_DST_ITER, layer.states());
    if (lstm) assembly.buffer(DNNL_ARG_DST_ITER_C, layer.states());
    const auto add_weights = [&](int argument, const float *data, int64_t inputs, const Descriptor &wanted) {
        const auto values = layer.weights(data, inputs);
        const Descriptor plain(layer.weight_extents(inputs), f32, Tag::ldigo);
        assembly.constant(argument, context->constant(values.data(), 0, plain, wanted));
    };
    add_weights(DNNL_ARG_WEIGHTS_LAYER, r.weights, r.input_size, descriptor.weights_layer_desc());
    add_weights(DNNL_ARG_WEIGHTS_ITER, r.recurrence, r.hidden_size, descriptor.weights_iter_desc());
    const auto bias = layer.bias();
    assembly.constant(
        DNNL_ARG_BIAS, context->constant(bias.data(), 0, layer.bias_layout(), layer.bias_layout()));
    assembly.finish(descriptor, Kind(descriptor));
    return assembly.release();
}

}  // namespace

tare_onednn_status tare_onednn_recurrent_create(
    tare_onednn_context *context, const tare_onednn_recurrent *description, tare_onednn_primitive **primitive) {
    *primitive = nullptr;
    return guarded([&] {
        const Layer layer(*description);
        const auto &r = *description;
        const auto attributes = tare::attributes({nullptr, 0});
        const auto weights = any_layout(layer.weight_extents(r.input_size));
        const auto recurrence = any_layout(layer.weight_extents(r.hidden_size));
        const auto states = layer.states();
        const auto hidden = r.has_initial_hidden ? states : Descriptor();
        const auto cell = r.has_initial_cell ? states : Descriptor();
        const auto bias = layer.bias_layout();
        if (r.kind == TARE_ONEDNN_LSTM) {
            using Kind = dnnl::lstm_forward;
            const Kind::primitive_desc descriptor(
                {inference, layer.direction(), layer.source(), hidden, cell, weights, recurrence, bias,
                 layer.destination(), states, states},
                attributes, context->engine);
            *primitive = finish<Kind>(context, layer, descriptor);
        } else if (r.kind == TARE_ONEDNN_GRU) {
            using Kind = dnnl::gru_forward;
            const Kind::primitive_desc descriptor(
                {inference, layer.direction(), layer.source(), hidden, weights, recurrence, bias,
                 layer.destination(), states},
                attributes, context->engine);
            *primitive = finish<Kind>(context, layer, descriptor);
        } else {
            using Kind = dnnl::lbr_gru_forward;
            const Kind::primitive_desc descriptor(
                {inference, layer.direction(), layer.source(), hidden, weights, recurrence, bias,
                 layer.destination(), states},
                attributes, context->engine);
            *primitive = finish<Kind>(context, layer, descriptor);
        }
    });
}
