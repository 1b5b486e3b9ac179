// Convolution of each channel on its own.
#pragma once

#include "instruction_sets.h"
#include "integer_geometry.h"

#include <string.h>

// Channels of a step.
enum { DEPTHWISE_BLOCK = 64 };

// One channel each; weights [taps][channels].
TARE_INLINE void depthwise_body(
    const geometry_t *g, int wide, const int16_t *low, const int16_t *high, const int16_t *packed, void *sums) {
    const tare_integer_window *w = &g->w;
    const int64_t channels = w->groups;
    for (int64_t pixel = 0; pixel < w->output[0] * w->output[1] * w->output[2]; pixel++) {
        const int64_t x = pixel % w->output[2] * w->strides[2], y = pixel / w->output[2] % w->output[1] * w->strides[1];
        const int64_t z = pixel / w->output[2] / w->output[1] * w->strides[0];
        const int64_t start = ((z * g->padded[1] + y) * g->padded[2] + x) * channels;
        for (int64_t first = 0; first < channels; first += DEPTHWISE_BLOCK) {
            const int64_t count = channels - first < DEPTHWISE_BLOCK ? channels - first : DEPTHWISE_BLOCK;
            int32_t narrow[DEPTHWISE_BLOCK] = {0};
            int64_t totals[DEPTHWISE_BLOCK] = {0};
            const int16_t *weights = packed + first;
            for (int64_t tap = 0; tap < g->taps; tap++, weights += channels) {
                const int64_t tx = tap % w->kernel[2] * w->dilations[2];
                const int64_t ty = tap / w->kernel[2] % w->kernel[1] * w->dilations[1];
                const int64_t tz = tap / w->kernel[2] / w->kernel[1] * w->dilations[0];
                const int64_t at = start + ((tz * g->padded[1] + ty) * g->padded[2] + tx) * channels + first;
                if (wide) {
                    for (int64_t j = 0; j < count; j++) {
                        const int32_t value = low[at + j] + high[at + j] * 256;
                        totals[j] += (int64_t)(value * weights[j]);
                    }
                } else {
                    for (int64_t j = 0; j < count; j++) narrow[j] += low[at + j] * weights[j];
                }
            }
            const int64_t position = pixel * channels + first;
            if (wide) {
                memcpy((int64_t *)sums + position, totals, (size_t)count * sizeof(int64_t));
            } else {
                memcpy((int32_t *)sums + position, narrow, (size_t)count * sizeof(int32_t));
            }
        }
    }
}
