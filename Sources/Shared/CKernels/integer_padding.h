// The padded source of an integer convolution: int16, inputs of a group rounded up to pairs.
#pragma once

#include "instruction_sets.h"
#include "integer_geometry.h"

#include <string.h>

TARE_INLINE void split_body(const int16_t *restrict in, size_t count, int16_t *restrict low, int16_t *restrict high) {
    for (size_t i = 0; i < count; i++) {
        low[i] = in[i] & 255;
        high[i] = in[i] >> 8;
    }
}

// `flip` is 128 for bytes without a sign, whose zero point is then 128 less.
TARE_INLINE void widen_body(
    const uint8_t *restrict in, size_t count, int32_t flip, int32_t zero_point, int16_t *restrict out) {
    for (size_t i = 0; i < count; i++) out[i] = (int16_t)((int8_t)(in[i] ^ flip) - zero_point);
}

// `pixels` pixels in a row. Inputs of a group may be followed by one zero.
TARE_INLINE void copy_pixels(
    const geometry_t *g, int wide, const void *source, int64_t pixels, int16_t *low, int16_t *high) {
    const int32_t flip = g->w.source_is_unsigned ? 128 : 0, zero_point = g->w.source_zero_point - flip;
    const int64_t runs = g->padded_inputs == g->w.inputs ? 1 : pixels * g->w.groups;
    const int64_t length = runs == 1 ? pixels * g->w.groups * g->w.inputs : g->w.inputs;
    for (int64_t run = 0; run < runs; run++) {
        const int64_t target = run * g->padded_inputs;
        if (wide) {
            split_body((const int16_t *)source + run * length, (size_t)length, low + target, high + target);
        } else {
            widen_body((const uint8_t *)source + run * length, (size_t)length, flip, zero_point, low + target);
        }
    }
}

TARE_INLINE void pad_body(const geometry_t *g, int wide, const void *image, int16_t *low, int16_t *high) {
    const size_t size = part_size(g);
    memset(low, 0, size * sizeof(int16_t));
    if (wide) memset(high, 0, size * sizeof(int16_t));
    const tare_integer_window *w = &g->w;
    const int64_t channels = w->groups * w->inputs, padded_channels = w->groups * g->padded_inputs;
    const size_t width = wide ? sizeof(int16_t) : sizeof(int8_t);
    const int64_t room = g->padded[2] - w->before[2];
    const int64_t pixels = room < w->input[2] ? room : w->input[2];
    if (pixels <= 0) return;
    for (int64_t z = 0; z < w->input[0] && z + w->before[0] < g->padded[0]; z++) {
        for (int64_t y = 0; y < w->input[1] && y + w->before[1] < g->padded[1]; y++) {
            const int64_t from = (z * w->input[1] + y) * w->input[2] * channels;
            const int64_t to =
                (((z + w->before[0]) * g->padded[1] + y + w->before[1]) * g->padded[2] + w->before[2])
                * padded_channels;
            copy_pixels(g, wide, (const char *)image + (size_t)from * width, pixels, low + to, wide ? high + to : 0);
        }
    }
}
