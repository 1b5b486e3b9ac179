// Contexts, execution, constants and the translation of descriptions, for oneDNN 2.
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "onednn_internal.hpp"

// libgomp comes with the library; without it the library is sequential anyway.
extern "C" void omp_set_num_threads(int count) __attribute__((weak));

namespace tare {

AlignedBytes::AlignedBytes(size_t size) : address(nullptr), size(size) {
    if (posix_memalign(&address, 64, size == 0 ? 1 : size) != 0) throw std::bad_alloc();
}

AlignedBytes::~AlignedBytes() { free(address); }

void use_one_thread() {
    // Each thread has its own count, and a primitive keeps the count that it was made with.
    if (omp_set_num_threads != nullptr) omp_set_num_threads(1);
}

Descriptor describe(const tare_onednn_tensor &tensor, memory::data_type type) {
    return Descriptor(dims(tensor.extents, tensor.rank), type, dims(tensor.strides, tensor.rank));
}

Descriptor any_layout(const memory::dims &extents, memory::data_type type) {
    return Descriptor(extents, type, Tag::any);
}

memory::dims dims(const int64_t *values, int32_t count) { return memory::dims(values, values + count); }

algorithm eltwise_algorithm(int32_t code) {
    switch (code) {
        case TARE_ONEDNN_RELU: return algorithm::eltwise_relu;
        case TARE_ONEDNN_TANH: return algorithm::eltwise_tanh;
        case TARE_ONEDNN_ELU: return algorithm::eltwise_elu;
        case TARE_ONEDNN_SQUARE: return algorithm::eltwise_square;
        case TARE_ONEDNN_ABS: return algorithm::eltwise_abs;
        case TARE_ONEDNN_SQRT: return algorithm::eltwise_sqrt;
        case TARE_ONEDNN_LINEAR: return algorithm::eltwise_linear;
        case TARE_ONEDNN_SIGMOID: return algorithm::eltwise_logistic;
        case TARE_ONEDNN_EXP: return algorithm::eltwise_exp;
        case TARE_ONEDNN_GELU_TANH: return algorithm::eltwise_gelu_tanh;
        case TARE_ONEDNN_SWISH: return algorithm::eltwise_swish;
        case TARE_ONEDNN_LOG: return algorithm::eltwise_log;
        case TARE_ONEDNN_CLIP: return algorithm::eltwise_clip;
        case TARE_ONEDNN_POWER: return algorithm::eltwise_pow;
        case TARE_ONEDNN_GELU_ERF: return algorithm::eltwise_gelu_erf;
        case TARE_ONEDNN_ROUND: return algorithm::eltwise_round;
        case TARE_ONEDNN_HARDSWISH: return algorithm::eltwise_hardswish;
        default: throw std::invalid_argument("unknown eltwise algorithm");
    }
}

algorithm binary_algorithm(int32_t code) {
    switch (code) {
        case TARE_ONEDNN_ADD: return algorithm::binary_add;
        case TARE_ONEDNN_SUBTRACT: return algorithm::binary_sub;
        case TARE_ONEDNN_MULTIPLY: return algorithm::binary_mul;
        case TARE_ONEDNN_DIVIDE: return algorithm::binary_div;
        case TARE_ONEDNN_MINIMUM: return algorithm::binary_min;
        case TARE_ONEDNN_MAXIMUM: return algorithm::binary_max;
        default: throw std::invalid_argument("unknown binary algorithm");
    }
}

dnnl::primitive_attr attributes(const tare_onednn_post_ops &ops) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::post_ops list;
    for (int32_t i = 0; i < ops.count; ++i) {
        const auto &op = ops.items[i];
        switch (op.kind) {
            case TARE_ONEDNN_POST_SUM: list.append_sum(1.f); break;
            case TARE_ONEDNN_POST_ELTWISE:
                list.append_eltwise(1.f, eltwise_algorithm(op.algorithm), op.alpha, op.beta);
                break;
            case TARE_ONEDNN_POST_BINARY:
                list.append_binary(binary_algorithm(op.algorithm), describe(op.operand));
                break;
            default: throw std::invalid_argument("unknown post-op");
        }
    }
    if (ops.count > 0) attributes.set_post_ops(list);
    return attributes;
}

tare_onednn_status success() {
    tare_onednn_status status;
    status.code = TARE_ONEDNN_OK;
    status.message[0] = 0;
    return status;
}

tare_onednn_status failure(int32_t code, const char *message) {
    tare_onednn_status status;
    status.code = code;
    snprintf(status.message, sizeof status.message, "%s", message);
    return status;
}

void Assembly::buffer(int argument, const Descriptor &descriptor) {
    // No address yet: every execution sets one.
    result->buffers.push_back(memory(descriptor, context->engine, DNNL_MEMORY_NONE));
    result->arguments.push_back({argument, result->buffers.back().get()});
}

void Assembly::constant(int argument, std::shared_ptr<Constant> value) {
    result->arguments.push_back({argument, value->value.get()});
    result->constants.push_back(std::move(value));
}

void Assembly::post_op_operands(const tare_onednn_post_ops &ops) {
    for (int32_t i = 0; i < ops.count; ++i) {
        const auto &op = ops.items[i];
        if (op.kind != TARE_ONEDNN_POST_BINARY) continue;
        const int argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1;
        const auto descriptor = describe(op.operand);
        if (op.constant != nullptr) {
            constant(argument, context->constant(op.constant, 0, descriptor, descriptor));
        } else {
            buffer(argument, descriptor);
        }
    }
}

void Assembly::scratchpad(const Descriptor &descriptor) {
    const size_t size = descriptor.get_size();
    if (size == 0) return;
    context->reserve_scratchpad(size);
    result->scratchpad_size = size;
    result->scratchpad = memory(descriptor, context->engine, context->scratchpad->address);
    result->arguments.push_back({DNNL_ARG_SCRATCHPAD, result->scratchpad.get()});
}

}  // namespace tare

tare_onednn_context::tare_onednn_context() : engine(dnnl::engine::kind::cpu, 0), stream(engine) {}

std::shared_ptr<tare::Constant> tare_onednn_context::constant(
    const void *data, uint64_t key, const tare::Descriptor &plain, const tare::Descriptor &wanted) {
    if (key != 0) {
        const auto range = constants.equal_range(key);
        for (auto entry = range.first; entry != range.second; ++entry) {
            if (entry->second->value.get_desc() == wanted) return entry->second;
        }
    }
    auto value = std::make_shared<tare::Constant>(wanted, engine);
    if (plain == wanted) {
        memcpy(value->bytes.address, data, wanted.get_size());
    } else {
        // The library only reads the source of a reorder.
        dnnl::memory source(plain, engine, const_cast<void *>(data));
        dnnl::reorder(source, value->value).execute(stream, source, value->value);
        stream.wait();
    }
    if (key != 0) constants.emplace(key, value);
    return value;
}

void tare_onednn_context::reserve_scratchpad(size_t size) {
    if (scratchpad && scratchpad->size >= size) return;
    scratchpad.reset(new tare::AlignedBytes(size));
}

tare_onednn_tensor tare_onednn_tensor_make(int32_t rank, const int64_t *extents, const int64_t *strides) {
    tare_onednn_tensor tensor = {};
    tensor.rank = rank;
    for (int32_t axis = 0; axis < rank && axis < TARE_ONEDNN_MAX_RANK; ++axis) {
        tensor.extents[axis] = extents[axis];
        tensor.strides[axis] = strides[axis];
    }
    return tensor;
}

tare_onednn_status tare_onednn_context_create(tare_onednn_context **context) {
    *context = nullptr;
    return tare::guarded([&] { *context = new tare_onednn_context(); });
}

void tare_onednn_context_destroy(tare_onednn_context *context) { delete context; }

size_t tare_onednn_context_constant_bytes(const tare_onednn_context *context) {
    size_t total = 0;
    for (const auto &entry : context->constants) total += entry.second->bytes.size;
    return total;
}

void tare_onednn_primitive_destroy(tare_onednn_primitive *primitive) { delete primitive; }

const char *tare_onednn_primitive_implementation(const tare_onednn_primitive *primitive) {
    return primitive->implementation.c_str();
}

tare_onednn_status tare_onednn_execute(
    tare_onednn_context *context, tare_onednn_primitive *primitive, void *const *buffers, int32_t count) {
    if (count != static_cast<int32_t>(primitive->buffers.size())) {
        return tare::failure(TARE_ONEDNN_FAILED, "wrong number of buffers");
    }
    // The C calls throw nothing, and they avoid the argument map that the C++ ones build each time.
    for (int32_t i = 0; i < count; ++i) {
        const auto set = dnnl_memory_set_data_handle(primitive->buffers[i].get(), buffers[i]);
        if (set != dnnl_success) return tare::failure(TARE_ONEDNN_FAILED, "could not set a buffer");
    }
    if (primitive->scratchpad_size > 0) {
        const auto set = dnnl_memory_set_data_handle(primitive->scratchpad.get(), context->scratchpad->address);
        if (set != dnnl_success) return tare::failure(TARE_ONEDNN_FAILED, "could not set the scratchpad");
    }
    const auto status = dnnl_primitive_execute(
        primitive->primitive.get(), context->stream.get(), static_cast<int>(primitive->arguments.size()),
        primitive->arguments.data());
    if (status != dnnl_success) return tare::failure(TARE_ONEDNN_FAILED, "could not execute a primitive");
    return tare::success();
}

void tare_onednn_prepare_thread(void) { tare::use_one_thread(); }

namespace {

struct InstructionSetName {
    dnnl_cpu_isa_t code;
    const char *name;
};

const InstructionSetName instruction_sets[] = {
    {dnnl_cpu_isa_sse41, "sse41"},
    {dnnl_cpu_isa_avx, "avx"},
    {dnnl_cpu_isa_avx2, "avx2"},
    {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
    {dnnl_cpu_isa_avx512_mic, "avx512_mic"},
    {dnnl_cpu_isa_avx512_mic_4ops, "avx512_mic_4ops"},
    {dnnl_cpu_isa_avx512_core, "avx512_core"},
    {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
    {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
    {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
};

}  // namespace

const char *tare_onednn_instruction_set(void) {
    const auto code = dnnl_get_effective_cpu_isa();
    for (const auto &entry : instruction_sets) {
        if (entry.code == code) return entry.name;
    }
    return "generic";
}

tare_onednn_status tare_onednn_limit_instruction_set(const char *name) {
    for (const auto &entry : instruction_sets) {
        if (strcmp(entry.name, name) != 0) continue;
        if (dnnl_set_max_cpu_isa(entry.code) == dnnl_success) return tare::success();
        return tare::failure(TARE_ONEDNN_FAILED, "the instruction set was already fixed by an earlier use");
    }
    return tare::failure(TARE_ONEDNN_FAILED, "unknown instruction set");
}

const char *tare_onednn_version(void) {
    static const std::string text = [] {
        const auto *version = dnnl_version();
        return std::to_string(version->major) + "." + std::to_string(version->minor) + "."
            + std::to_string(version->patch);
    }();
    return text.c_str();
}
