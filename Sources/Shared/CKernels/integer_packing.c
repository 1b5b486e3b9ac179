// Weights in the order in which the tiles of `integer_convolution.c` read them, and the memory that a convolution needs.
#include "integer_geometry.h"

#include <string.h>

size_t tare_integer_packed_count(tare_integer_variant variant, const tare_integer_window *window) {
    const geometry_t g = geometry_of(variant, window);
    if (is_depthwise(window)) return (size_t)(g.taps * g.w.groups);
    const int64_t blocks = (g.w.outputs + g.block - 1) / g.block;
    return (size_t)(g.w.groups * blocks * g.taps * g.padded_inputs * g.block);
}

size_t tare_integer_workspace_size(tare_integer_variant variant, const tare_integer_window *window, int32_t wide) {
    const geometry_t g = geometry_of(variant, window);
    return part_size(&g) * sizeof(int16_t) * (wide ? 2 : 1);
}

void tare_integer_pack(
    tare_integer_variant variant, const tare_integer_window *window, const int16_t *weights, int16_t *packed) {
    const geometry_t g = geometry_of(variant, window);
    if (is_depthwise(window)) {
        // [taps][channels]
        for (int64_t channel = 0; channel < g.w.groups; channel++) {
            for (int64_t tap = 0; tap < g.taps; tap++) {
                packed[tap * g.w.groups + channel] = weights[channel * g.taps + tap];
            }
        }
        return;
    }
    // [groups][blocks][taps][pairs][block][2]
    memset(packed, 0, tare_integer_packed_count(variant, window) * sizeof(int16_t));
    const int64_t blocks = (g.w.outputs + g.block - 1) / g.block;
    for (int64_t channel = 0; channel < g.w.groups * g.w.outputs; channel++) {
        const int64_t group = channel / g.w.outputs, output = channel % g.w.outputs;
        int16_t *tile = packed + (group * blocks + output / g.block) * g.taps * g.padded_inputs * g.block;
        for (int64_t input = 0; input < g.w.inputs; input++) {
            for (int64_t tap = 0; tap < g.taps; tap++) {
                const int64_t pair = tap * (g.padded_inputs / 2) + input / 2;
                tile[(pair * g.block + output % g.block) * 2 + input % 2] =
                    weights[(channel * g.w.inputs + input) * g.taps + tap];
            }
        }
    }
}
