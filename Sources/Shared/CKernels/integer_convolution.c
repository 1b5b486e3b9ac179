// Exact convolution of int8 and int16 on any processor: products of int16 pairs, summed in int32.
//
// int16 sources are split into a high and a low byte, so that 256 products fit a sum of 32 bits:
// x * w = 256 * (high * w) + low * w. int8 sources are widened and have one part only.
#include "integer_depthwise.h"
#include "integer_padding.h"

enum {
    /// Pairs of products of a byte and an int16 that certainly fit: 128 * 2 * 255 * 32768 < 2^31.
    PAIRS_PER_FLUSH = 128,
    /// Most output channels and pixels of a tile.
    MAX_BLOCK = 32,
    MAX_PIXELS = 12,
};

// ---- tiles --------------------------------------------------------------------------------------------------------

// Some pixels of an output row, one block of output channels.
typedef struct {
    const geometry_t *g;
    /// Source under the first tap of the first pixel, and the distance to the next pixel.
    const int16_t *low, *high;
    int64_t pixel_stride;
    const int16_t *weights;
} tile_t;

// Runs `body` once for each tap and pair of inputs; `at` is the position in the source. `between` comes after each run
// of at most PAIRS_PER_FLUSH.
#define TARE_FOR_PAIRS(tile, body, between)                                                                          \
    do {                                                                                                             \
        const geometry_t *g_ = (tile)->g;                                                                            \
        const int64_t channels_ = g_->w.groups * g_->padded_inputs, pairs_ = g_->padded_inputs / 2;                  \
        int64_t left_ = PAIRS_PER_FLUSH;                                                                             \
        for (int64_t z_ = 0; z_ < g_->w.kernel[0]; z_++)                                                             \
            for (int64_t y_ = 0; y_ < g_->w.kernel[1]; y_++)                                                         \
                for (int64_t x_ = 0; x_ < g_->w.kernel[2]; x_++) {                                                   \
                    int64_t at = ((z_ * g_->w.dilations[0] * g_->padded[1] + y_ * g_->w.dilations[1])                \
                                      * g_->padded[2] + x_ * g_->w.dilations[2]) * channels_;                        \
                    for (int64_t done_ = 0; done_ < pairs_;) {                                                       \
                        const int64_t run_ = pairs_ - done_ < left_ ? pairs_ - done_ : left_;                        \
                        for (int64_t i_ = 0; i_ < run_; i_++, at += 2) { body }                                      \
                        done_ += run_;                                                                               \
                        left_ -= run_;                                                                               \
                        if (left_ == 0) { between left_ = PAIRS_PER_FLUSH; }                                         \
                    }                                                                                                \
                }                                                                                                    \
    } while (0)

TARE_INLINE void tile_plain(const tile_t *tile, int pixels, int wide, int64_t *totals) {
    const int16_t *weights = tile->weights;
    for (int i = 0; i < pixels * 16; i++) totals[i] = 0;
    TARE_FOR_PAIRS(
        tile,
        {
            for (int p = 0; p < pixels; p++) {
                const int64_t position = p * tile->pixel_stride + at;
                for (int half = 0; half < 2; half++) {
                    int64_t value = tile->low[position + half];
                    if (wide) value += 256 * (int64_t)tile->high[position + half];
                    for (int j = 0; j < 16; j++) totals[p * 16 + j] += value * weights[2 * j + half];
                }
            }
            weights += 32;
        },
        {});
}

#ifdef TARE_X86
TARE_INLINE int32_t pair_at(const int16_t *address) {
    int32_t pair;
    memcpy(&pair, address, sizeof pair);
    return pair;
}

#define TARE_UNROLL _Pragma("clang loop unroll(full)")

// Adds the sums to the totals and clears them; unrolled, so that they stay in registers between the flushes.
#define TARE_FLUSH(type, store, zero, count, lanes)                                                                  \
    do {                                                                                                             \
        TARE_UNROLL for (int v_ = 0; v_ < (count); v_++) {                                                           \
            int32_t low_[lanes], high_[lanes];                                                                       \
            store((type *)low_, sums[0][v_]);                                                                        \
            store((type *)high_, sums[wide][v_]);                                                                    \
            for (int j_ = 0; j_ < (lanes); j_++) {                                                                   \
                totals[v_ * (lanes) + j_] += low_[j_] + (wide ? (int64_t)high_[j_] * 256 : 0);                       \
            }                                                                                                        \
            sums[0][v_] = zero();                                                                                    \
            sums[wide][v_] = zero();                                                                                 \
        }                                                                                                            \
    } while (0)

#define TARE_MADD512(sum, x, w) _mm512_add_epi32(sum, _mm512_madd_epi16(x, w))
#define TARE_VNNI512(sum, x, w) multiply_vnni(sum, x, w)

// From the intrinsic the compiler makes two instructions.
TARE_VNNI TARE_INLINE __m512i multiply_vnni(__m512i sum, __m512i x, __m512i w) {
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
}

#define TARE_TILE512(name, attributes, MULTIPLY)                                                                     \
    attributes TARE_INLINE void name(const tile_t *tile, int pixels, int wide, int64_t *totals) {                    \
        const int16_t *weights = tile->weights;                                                                      \
        __m512i sums[2][MAX_PIXELS * 2];                                                                             \
        TARE_UNROLL for (int v = 0; v < pixels * 2; v++) sums[0][v] = sums[1][v] = _mm512_setzero_si512();                       \
        for (int i = 0; i < pixels * 32; i++) totals[i] = 0;                                                         \
        TARE_FOR_PAIRS(                                                                                              \
            tile,                                                                                                    \
            {                                                                                                        \
                const __m512i first = _mm512_loadu_si512(weights);                                                   \
                const __m512i second = _mm512_loadu_si512(weights + 32);                                             \
                weights += 64;                                                                                       \
                TARE_UNROLL for (int p = 0; p < pixels; p++) {                                                       \
                    const __m512i low = _mm512_set1_epi32(pair_at(tile->low + p * tile->pixel_stride + at));         \
                    sums[0][2 * p] = MULTIPLY(sums[0][2 * p], low, first);                                           \
                    sums[0][2 * p + 1] = MULTIPLY(sums[0][2 * p + 1], low, second);                                  \
                    if (wide) {                                                                                      \
                        const __m512i high = _mm512_set1_epi32(pair_at(tile->high + p * tile->pixel_stride + at));   \
                        sums[1][2 * p] = MULTIPLY(sums[1][2 * p], high, first);                                      \
                        sums[1][2 * p + 1] = MULTIPLY(sums[1][2 * p + 1], high, second);                             \
                    }                                                                                                \
                }                                                                                                    \
            },                                                                                                       \
            { if (wide) TARE_FLUSH(__m512i, _mm512_storeu_si512, _mm512_setzero_si512, pixels * 2, 16); });          \
        TARE_FLUSH(__m512i, _mm512_storeu_si512, _mm512_setzero_si512, pixels * 2, 16);                              \
    }

TARE_TILE512(tile_avx512, TARE_AVX512, TARE_MADD512)
TARE_TILE512(tile_vnni, TARE_VNNI, TARE_VNNI512)

TARE_AVX2 TARE_INLINE void tile_avx2(const tile_t *tile, int pixels, int wide, int64_t *totals) {
    const int16_t *weights = tile->weights;
    __m256i sums[2][MAX_PIXELS * 2];
    TARE_UNROLL for (int v = 0; v < pixels * 2; v++) sums[0][v] = sums[1][v] = _mm256_setzero_si256();
    for (int i = 0; i < pixels * 16; i++) totals[i] = 0;
    TARE_FOR_PAIRS(
        tile,
        {
            const __m256i first = _mm256_loadu_si256((const __m256i *)weights);
            const __m256i second = _mm256_loadu_si256((const __m256i *)(weights + 16));
            weights += 32;
            TARE_UNROLL for (int p = 0; p < pixels; p++) {
                const __m256i low = _mm256_set1_epi32(pair_at(tile->low + p * tile->pixel_stride + at));
                sums[0][2 * p] = _mm256_add_epi32(sums[0][2 * p], _mm256_madd_epi16(low, first));
                sums[0][2 * p + 1] = _mm256_add_epi32(sums[0][2 * p + 1], _mm256_madd_epi16(low, second));
                if (wide) {
                    const __m256i high = _mm256_set1_epi32(pair_at(tile->high + p * tile->pixel_stride + at));
                    sums[1][2 * p] = _mm256_add_epi32(sums[1][2 * p], _mm256_madd_epi16(high, first));
                    sums[1][2 * p + 1] = _mm256_add_epi32(sums[1][2 * p + 1], _mm256_madd_epi16(high, second));
                }
            }
        },
        { if (wide) TARE_FLUSH(__m256i, _mm256_storeu_si256, _mm256_setzero_si256, pixels * 2, 8); });
    TARE_FLUSH(__m256i, _mm256_storeu_si256, _mm256_setzero_si256, pixels * 2, 8);
}
#endif

// ---- whole convolutions -------------------------------------------------------------------------------------------

TARE_INLINE void store_body(
    const int64_t *totals, int pixels, int64_t block, int64_t count, int wide, int64_t row, void *sums) {
    for (int p = 0; p < pixels; p++) {
        if (wide) {
            memcpy((int64_t *)sums + p * row, totals + p * block, (size_t)count * sizeof(int64_t));
        } else {
            int32_t *restrict out = (int32_t *)sums + p * row;
            for (int64_t j = 0; j < count; j++) out[j] = (int32_t)totals[p * block + j];
        }
    }
}

typedef void (*tile_function)(const tile_t *, int, int64_t *);

// `functions[n - 1]` computes n pixels.
TARE_INLINE void rows_body(
    const geometry_t *g, int wide, int most, const tile_function *functions, const int16_t *low, const int16_t *high,
    const int16_t *packed, void *sums) {
    const tare_integer_window *w = &g->w;
    int64_t totals[MAX_PIXELS * MAX_BLOCK];
    const int64_t channels = w->groups * g->padded_inputs, outputs = w->groups * w->outputs;
    const int64_t blocks = (w->outputs + g->block - 1) / g->block;
    const size_t width = wide ? sizeof(int64_t) : sizeof(int32_t);
    for (int64_t group_block = 0; group_block < w->groups * blocks; group_block++) {
        const int64_t group = group_block / blocks, first = group_block % blocks * g->block;
        const int64_t count = w->outputs - first < g->block ? w->outputs - first : g->block;
        tile_t tile = {g, 0, 0, w->strides[2] * channels, packed + group_block * g->taps * g->padded_inputs * g->block};
        for (int64_t row = 0; row < w->output[0] * w->output[1]; row++) {
            const int64_t z = row / w->output[1] * w->strides[0], y = row % w->output[1] * w->strides[1];
            const int64_t start = (z * g->padded[1] + y) * g->padded[2] * channels + group * g->padded_inputs;
            for (int64_t x = 0; x < w->output[2]; x += most) {
                const int pixels = w->output[2] - x < most ? (int)(w->output[2] - x) : most;
                tile.low = low + start + x * tile.pixel_stride;
                tile.high = wide ? high + start + x * tile.pixel_stride : 0;
                functions[pixels - 1](&tile, pixels, totals);
                const int64_t position = (row * w->output[2] + x) * outputs + group * w->outputs + first;
                store_body(totals, pixels, g->block, count, wide, outputs, (char *)sums + (size_t)position * width);
            }
        }
    }
}

#define TARE_PIXELS(name, attributes, tile, n, wide_name, wide_flag)                                                 \
    attributes static void name##_##wide_name##_##n(const tile_t *t, int pixels, int64_t *totals) {                  \
        (void)pixels;                                                                                                \
        tile(t, n, wide_flag, totals);                                                                               \
    }
#define TARE_SIX(name, attributes, tile, wide_name, flag)                                                            \
    TARE_PIXELS(name, attributes, tile, 1, wide_name, flag)                                                          \
    TARE_PIXELS(name, attributes, tile, 2, wide_name, flag)                                                          \
    TARE_PIXELS(name, attributes, tile, 3, wide_name, flag)                                                          \
    TARE_PIXELS(name, attributes, tile, 4, wide_name, flag)                                                          \
    TARE_PIXELS(name, attributes, tile, 5, wide_name, flag)                                                          \
    TARE_PIXELS(name, attributes, tile, 6, wide_name, flag)

// `narrow_most` and `wide_most`: pixels whose sums fit the registers.
#define TARE_CONVOLVE(name, attributes, tile, narrow_most, wide_most)                                                \
    TARE_SIX(name, attributes, tile, narrow, 0)                                                                      \
    TARE_SIX(name, attributes, tile, wide, 1)                                                                        \
    attributes static void convolve_##name(                                                                          \
        const geometry_t *g, int wide, const void *image, const int16_t *packed, int16_t *low, int16_t *high,        \
        void *sums) {                                                                                                \
        static const tile_function narrow_tiles[6] = {name##_narrow_1, name##_narrow_2, name##_narrow_3,             \
                                                      name##_narrow_4, name##_narrow_5, name##_narrow_6};            \
        static const tile_function wide_tiles[6] = {name##_wide_1, name##_wide_2, name##_wide_3,                     \
                                                    name##_wide_4, name##_wide_5, name##_wide_6};                    \
        if (wide) {                                                                                                  \
            pad_body(g, 1, image, low, high);                                                                        \
            if (g->padded_inputs == 1) return depthwise_body(g, 1, low, high, packed, sums);                         \
            rows_body(g, 1, wide_most, wide_tiles, low, high, packed, sums);                                         \
        } else {                                                                                                     \
            pad_body(g, 0, image, low, high);                                                                        \
            if (g->padded_inputs == 1) return depthwise_body(g, 0, low, high, packed, sums);                         \
            rows_body(g, 0, narrow_most, narrow_tiles, low, high, packed, sums);                                     \
        }                                                                                                            \
    }

TARE_CONVOLVE(plain, , tile_plain, 4, 4)
#ifdef TARE_X86
TARE_CONVOLVE(avx2, TARE_AVX2, tile_avx2, 5, 2)
TARE_CONVOLVE(avx512, TARE_AVX512, tile_avx512, 6, 6)
TARE_CONVOLVE(vnni, TARE_VNNI, tile_vnni, 6, 6)
#endif

void tare_integer_convolve(
    tare_integer_variant variant, const tare_integer_window *window, int32_t wide, const void *source,
    const int16_t *packed, void *workspace, void *sums) {
    const geometry_t g = geometry_of(variant, window);
    int16_t *low = workspace;
    int16_t *high = low + part_size(&g);
    const tare_integer_window *w = &g.w;
    const size_t source_size =
        (size_t)(w->input[0] * w->input[1] * w->input[2] * w->groups * w->inputs) * (wide ? 2 : 1);
    const size_t sums_size =
        (size_t)(w->output[0] * w->output[1] * w->output[2] * w->groups * w->outputs) * (wide ? 8 : 4);
    for (int64_t image = 0; image < w->images; image++) {
        const char *in = (const char *)source + (size_t)image * source_size;
        char *out = (char *)sums + (size_t)image * sums_size;
        switch (variant) {
#ifdef TARE_X86
        case TARE_INTEGER_AVX512_VNNI: convolve_vnni(&g, wide, in, packed, low, high, out); break;
        case TARE_INTEGER_AVX512: convolve_avx512(&g, wide, in, packed, low, high, out); break;
        case TARE_INTEGER_AVX2: convolve_avx2(&g, wide, in, packed, low, high, out); break;
#endif
        default: convolve_plain(&g, wide, in, packed, low, high, out); break;
        }
    }
}
