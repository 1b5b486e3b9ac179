#pragma once
// What the translation units of the oneDNN 2 implementation share.
#include <oneapi/dnnl/dnnl.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "include/tare_onednn.h"

namespace tare {

using dnnl::algorithm;
using dnnl::memory;
using Descriptor = memory::desc;
using Tag = memory::format_tag;

constexpr auto f32 = memory::data_type::f32;

/// A 64-byte aligned allocation.
struct AlignedBytes {
    explicit AlignedBytes(size_t size);
    ~AlignedBytes();
    AlignedBytes(const AlignedBytes &) = delete;
    AlignedBytes &operator=(const AlignedBytes &) = delete;
    void *address;
    size_t size;
};

/// Constant elements in the layout of `descriptor`.
struct Constant {
    Constant(const Descriptor &descriptor, const dnnl::engine &engine)
        : bytes(descriptor.get_size()), value(descriptor, engine, bytes.address) {}
    AlignedBytes bytes;
    memory value;
};

}  // namespace tare

struct tare_onednn_context {
    tare_onednn_context();
    /// `data`, dense in `plain`, reordered to `wanted`; shared with earlier calls of the same key and layout.
    std::shared_ptr<tare::Constant> constant(
        const void *data, uint64_t key, const tare::Descriptor &plain, const tare::Descriptor &wanted);
    /// Makes the scratchpad at least this large.
    void reserve_scratchpad(size_t size);

    dnnl::engine engine;
    dnnl::stream stream;
    std::unique_ptr<tare::AlignedBytes> scratchpad;
    std::unordered_multimap<uint64_t, std::shared_ptr<tare::Constant>> constants;
};

struct tare_onednn_primitive {
    dnnl::primitive primitive;
    std::string implementation;
    /// Everything that execution passes to the library; entries keep their memory objects alive below.
    std::vector<dnnl_exec_arg_t> arguments;
    /// Memory objects whose address the caller supplies, in the caller's order.
    std::vector<dnnl::memory> buffers;
    std::vector<std::shared_ptr<tare::Constant>> constants;
    dnnl::memory scratchpad;
    size_t scratchpad_size = 0;
};

namespace tare {

/// Puts a primitive together: its buffers in order, its constants, its scratchpad.
class Assembly {
public:
    explicit Assembly(tare_onednn_context *context) : context(context), result(new tare_onednn_primitive()) {}

    void buffer(int argument, const Descriptor &descriptor);
    void constant(int argument, std::shared_ptr<Constant> value);
    /// Buffers and constants of binary post-ops.
    void post_op_operands(const tare_onednn_post_ops &ops);

    template <typename PrimitiveDescriptor, typename Primitive>
    void finish(const PrimitiveDescriptor &descriptor, Primitive &&primitive) {
        result->primitive = std::forward<Primitive>(primitive);
        result->implementation = descriptor.impl_info_str();
        scratchpad(descriptor.scratchpad_desc());
    }

    tare_onednn_primitive *release() { return result.release(); }

private:
    void scratchpad(const Descriptor &descriptor);

    tare_onednn_context *context;
    std::unique_ptr<tare_onednn_primitive> result;
};

/// oneDNN's thread count of the calling thread becomes 1.
void use_one_thread();
Descriptor describe(const tare_onednn_tensor &tensor, memory::data_type type = f32);
/// The same extents in a layout that the library chooses.
Descriptor any_layout(const memory::dims &extents, memory::data_type type = f32);
memory::dims dims(const int64_t *values, int32_t count);
/// Dilations as the library counts them: 0 is dense.
memory::dims reduced_by_one(const int64_t *values, int32_t count);
/// ONNX's constant weights as the library sees them.
Descriptor plain_convolution_weights(const tare_onednn_convolution &convolution, memory::data_type type = f32);
algorithm eltwise_algorithm(int32_t code);
algorithm binary_algorithm(int32_t code);
/// User-managed scratchpad, and the post-ops.
dnnl::primitive_attr attributes(const tare_onednn_post_ops &ops);

tare_onednn_status success();
tare_onednn_status failure(int32_t code, const char *message);

/// Runs `body`, turning exceptions into a status.
template <typename Body>
tare_onednn_status guarded(Body &&body) {
    try {
        use_one_thread();
        body();
        return success();
    } catch (const dnnl::error &error) {
        return failure(
            error.status == dnnl_unimplemented ? TARE_ONEDNN_UNIMPLEMENTED : TARE_ONEDNN_FAILED, error.what());
    } catch (const std::exception &error) {
        return failure(TARE_ONEDNN_FAILED, error.what());
    } catch (...) {
        return failure(TARE_ONEDNN_FAILED, "unknown exception");
    }
}

}  // namespace tare
