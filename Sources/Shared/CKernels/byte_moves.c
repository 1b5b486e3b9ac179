// Bytes that go elsewhere, or are replaced by others.
#include "include/tare_bytes.h"

#include <string.h>

void tare_look_up_bytes(const void *bytes, size_t count, const uint8_t *table, void *results) {
    const uint8_t *restrict from = bytes;
    uint8_t *restrict to = results;
    for (size_t i = 0; i < count; i++) to[i] = table[from[i]];
}

void tare_look_up_pairs(
    const void *first, const void *second, size_t count, const uint8_t *table, void *results) {
    const uint8_t *restrict x = first, *restrict y = second;
    uint8_t *restrict to = results;
    for (size_t i = 0; i < count; i++) to[i] = table[256 * (size_t)x[i] + y[i]];
}

static void move_run(
    const uint8_t *source, int64_t source_stride, uint8_t *target, int64_t target_stride, int64_t count,
    const uint8_t *table) {
    if (table) {
        for (int64_t i = 0; i < count; i++) target[i * target_stride] = table[source[i * source_stride]];
    } else if (source_stride == 1 && target_stride == 1) {
        memcpy(target, source, (size_t)count);
    } else {
        for (int64_t i = 0; i < count; i++) target[i * target_stride] = source[i * source_stride];
    }
}

void tare_move_bytes(const tare_byte_move *move, const void *source, const uint8_t *table, void *target) {
    const int last = TARE_MOVE_AXES - 1;
    int64_t index[TARE_MOVE_AXES] = {0};
    const uint8_t *from = source;
    uint8_t *to = target;
    for (;;) {
        move_run(from, move->source_strides[last], to, move->target_strides[last], move->extents[last], table);
        int axis = last - 1;
        for (; axis >= 0; axis--) {
            from += move->source_strides[axis];
            to += move->target_strides[axis];
            if (++index[axis] < move->extents[axis]) break;
            from -= move->source_strides[axis] * move->extents[axis];
            to -= move->target_strides[axis] * move->extents[axis];
            index[axis] = 0;
        }
        if (axis < 0) return;
    }
}

void tare_gather_pixels(
    const void *source, int64_t images, const int64_t input[3], const int64_t output[3], const int64_t *maps,
    size_t pixel_bytes, void *target) {
    const int64_t *rows = maps + output[0], *columns = rows + output[1];
    const size_t image_bytes = (size_t)(input[0] * input[1] * input[2]) * pixel_bytes;
    uint8_t *to = target;
    for (int64_t image = 0; image < images; image++) {
        const uint8_t *from = (const uint8_t *)source + (size_t)image * image_bytes;
        for (int64_t z = 0; z < output[0]; z++) {
            for (int64_t y = 0; y < output[1]; y++) {
                const uint8_t *row = from + (size_t)((maps[z] * input[1] + rows[y]) * input[2]) * pixel_bytes;
                for (int64_t x = 0; x < output[2]; x++, to += pixel_bytes) {
                    memcpy(to, row + (size_t)columns[x] * pixel_bytes, pixel_bytes);
                }
            }
        }
    }
}
