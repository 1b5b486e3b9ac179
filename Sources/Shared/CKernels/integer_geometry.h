// What packing, padding and convolving integers agree on.
#pragma once

#include "include/tare_integers.h"

// A window whose pointwise form is one long row, and what follows from it.
typedef struct {
    tare_integer_window w;
    /// Inputs of a group rounded up to pairs.
    int64_t padded_inputs;
    /// Extents of the padded source.
    int64_t padded[3];
    int64_t taps;
    int64_t block;
} geometry_t;

static inline int is_depthwise(const tare_integer_window *w) { return w->groups > 1 && w->inputs == 1 && w->outputs == 1; }

static inline int64_t output_block(tare_integer_variant variant) { return variant >= TARE_INTEGER_AVX512 ? 32 : 16; }

static inline geometry_t geometry_of(tare_integer_variant variant, const tare_integer_window *window) {
    geometry_t g;
    g.w = *window;
    int pointwise = 1;
    for (int axis = 0; axis < 3; axis++) {
        pointwise = pointwise && g.w.kernel[axis] == 1 && g.w.strides[axis] == 1 && g.w.before[axis] == 0
            && g.w.input[axis] == g.w.output[axis];
    }
    if (pointwise) {
        const int64_t row = g.w.images * g.w.input[0] * g.w.input[1] * g.w.input[2];
        g.w.images = 1;
        for (int axis = 0; axis < 3; axis++) g.w.input[axis] = g.w.output[axis] = axis == 2 ? row : 1;
    }
    g.padded_inputs = is_depthwise(window) ? 1 : (g.w.inputs + 1) / 2 * 2;
    g.taps = 1;
    for (int axis = 0; axis < 3; axis++) {
        g.taps *= g.w.kernel[axis];
        g.padded[axis] = (g.w.output[axis] - 1) * g.w.strides[axis] + (g.w.kernel[axis] - 1) * g.w.dilations[axis] + 1;
    }
    g.block = output_block(variant);
    return g;
}

// Elements of one part of the padded source.
static inline size_t part_size(const geometry_t *g) {
    const size_t count = (size_t)(g->padded[0] * g->padded[1] * g->padded[2] * g->w.groups * g->padded_inputs);
    return (count + 31) / 32 * 32;
}
