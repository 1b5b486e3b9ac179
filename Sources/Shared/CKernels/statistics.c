#include "include/tare_statistics.h"
#include "instruction_sets.h"

#include <float.h>
#include <math.h>
#include <string.h>

// A block's elements and indices stay in the first-level cache beside the tables.
enum { BLOCK = 1024 };

typedef struct {
    const float *elements;
    size_t count;
} block_t;

// Factor 2^-exponent in both precisions; the single-precision one is 0 when it would not be a normal number.
typedef struct {
    double exact;
    float single;
    int32_t first_bin;
} lattice_t;

typedef struct {
    float minimum, maximum;
    uint64_t zeros, nans, positive_infinities, negative_infinities;
    // Number of indices written; `skips_zeros` says that zeros are not among them.
    size_t index_count;
    int skips_zeros;
} block_result_t;

// ---- plain C -----------------------------------------------------------------------------------------------------

TARE_INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// A float times a power of two is exact in double precision, so floor sees the true quotient.
TARE_INLINE double bin_of(float value, const lattice_t *lattice) { return floor((double)value * lattice->exact); }

TARE_INLINE block_result_t empty_result(void) {
    block_result_t result = {INFINITY, -INFINITY, 0, 0, 0, 0, 0, 0};
    return result;
}

// Handles everything: special values and every exponent. `indices` may be NULL.
static block_result_t scan_plain(block_t block, const lattice_t *lattice, uint16_t *indices) {
    block_result_t result = empty_result();
    for (size_t i = 0; i < block.count; i++) {
        float value = block.elements[i];
        uint32_t magnitude = bits_of(value) & 0x7fffffffu;
        if (magnitude >= 0x7f800000u) {
            if (magnitude > 0x7f800000u) result.nans++;
            else if (value > 0) result.positive_infinities++;
            else result.negative_infinities++;
            continue;
        }
        result.zeros += magnitude == 0;
        result.minimum = value < result.minimum ? value : result.minimum;
        result.maximum = value > result.maximum ? value : result.maximum;
        if (indices) {
            double quotient = (double)value * lattice->exact;
            int32_t offset = 0;
            // Outside of the window the index is meaningless, and the caller does not use it.
            if (quotient >= lattice->first_bin && quotient < (double)lattice->first_bin + TARE_STATISTICS_BINS) {
                // Truncated, then corrected: without SSE 4.1 floor() would be a call.
                int32_t bin = (int32_t)quotient;
                offset = bin - (bin > quotient) - lattice->first_bin;
            }
            indices[result.index_count++] = (uint16_t)offset;
        }
    }
    return result;
}

TARE_INLINE void flush_body(tare_statistics_window *window) {
    uint16_t *restrict a = window->tables;
    uint16_t *restrict b = a + TARE_STATISTICS_TABLE_STRIDE;
    uint16_t *restrict c = b + TARE_STATISTICS_TABLE_STRIDE;
    uint16_t *restrict d = c + TARE_STATISTICS_TABLE_STRIDE;
    uint64_t *restrict counts = window->counts;
    for (int i = 0; i < TARE_STATISTICS_BINS; i++) {
        uint32_t sum = (uint32_t)a[i] + b[i] + c[i] + d[i];
        counts[i] += sum;
    }
    memset(window->tables, 0, sizeof(uint16_t) * TARE_STATISTICS_TABLES * TARE_STATISTICS_TABLE_STRIDE);
    window->pending = 0;
}

static void flush_plain(tare_statistics_window *window) { flush_body(window); }

// Adds one to the bin of each index; consecutive indices go to different tables.
TARE_INLINE void increment(uint16_t *tables, const uint16_t *indices, size_t count) {
    uint16_t *a = tables;
    uint16_t *b = a + TARE_STATISTICS_TABLE_STRIDE;
    uint16_t *c = b + TARE_STATISTICS_TABLE_STRIDE;
    uint16_t *d = c + TARE_STATISTICS_TABLE_STRIDE;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t low, high;
        memcpy(&low, indices + i, sizeof low);
        memcpy(&high, indices + i + 4, sizeof high);
        a[low & 0xffff]++;
        b[(low >> 16) & 0xffff]++;
        c[(low >> 32) & 0xffff]++;
        d[low >> 48]++;
        a[high & 0xffff]++;
        b[(high >> 16) & 0xffff]++;
        c[(high >> 32) & 0xffff]++;
        d[high >> 48]++;
    }
    for (; i < count; i++) tables[(i & 3) * TARE_STATISTICS_TABLE_STRIDE + indices[i]]++;
}

// ---- AVX2 ---------------------------------------------------------------------------------------------------------

#ifdef TARE_X86
TARE_AVX2 static void flush_avx2(tare_statistics_window *window) { flush_body(window); }

// Only finite elements; returns 0 when there are others. `indices` may be NULL.
TARE_AVX2 TARE_INLINE int scan_avx2_body(
    block_t block, const lattice_t *lattice, uint16_t *indices, block_result_t *result) {
    const __m256 zero = _mm256_setzero_ps();
    const __m256i magnitude_mask = _mm256_set1_epi32(0x7fffffff);
    const __m256i largest_finite = _mm256_set1_epi32(0x7f7fffff);
    __m256 low = _mm256_set1_ps(INFINITY), high = _mm256_set1_ps(-INFINITY);
    __m256i special = _mm256_setzero_si256();
    uint64_t zeros = 0;
    size_t i = 0;
    for (; i + 16 <= block.count; i += 16) {
        __m256i bins[2];
        for (int half = 0; half < 2; half++) {
            __m256 x = _mm256_loadu_ps(block.elements + i + 8 * half);
            __m256i magnitude = _mm256_and_si256(_mm256_castps_si256(x), magnitude_mask);
            special = _mm256_or_si256(special, _mm256_cmpgt_epi32(magnitude, largest_finite));
            low = _mm256_min_ps(low, x);
            high = _mm256_max_ps(high, x);
            zeros += (uint64_t)__builtin_popcount(
                (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(x, zero, _CMP_EQ_OQ)));
            if (indices) {
                __m256 y = _mm256_floor_ps(_mm256_mul_ps(x, _mm256_set1_ps(lattice->single)));
                // The product of a tiny negative number can round to -0 although its floor is -1.
                __m256 vanished =
                    _mm256_and_ps(_mm256_cmp_ps(x, zero, _CMP_LT_OQ), _mm256_cmp_ps(y, zero, _CMP_EQ_OQ));
                __m256i bin = _mm256_add_epi32(_mm256_cvttps_epi32(y), _mm256_castps_si256(vanished));
                bins[half] = _mm256_sub_epi32(bin, _mm256_set1_epi32(lattice->first_bin));
            }
        }
        if (indices) {
            __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(bins[0], bins[1]), 0xd8);
            _mm256_storeu_si256((__m256i *)(indices + i), packed);
        }
    }
    if (!_mm256_testz_si256(special, special)) return 0;
    *result = empty_result();
    block_t rest = {block.elements + i, block.count - i};
    if (rest.count > 0) {
        *result = scan_plain(rest, lattice, indices ? indices + i : NULL);
        if (result->nans | result->positive_infinities | result->negative_infinities) return 0;
    }
    float lows[8], highs[8];
    _mm256_storeu_ps(lows, low);
    _mm256_storeu_ps(highs, high);
    for (int lane = 0; lane < 8 && i > 0; lane++) {
        result->minimum = lows[lane] < result->minimum ? lows[lane] : result->minimum;
        result->maximum = highs[lane] > result->maximum ? highs[lane] : result->maximum;
    }
    result->zeros += zeros;
    result->index_count = block.count;
    return 1;
}

TARE_AVX2 static int scan_avx2(block_t block, const lattice_t *lattice, uint16_t *indices, block_result_t *result) {
    return scan_avx2_body(block, lattice, indices, result);
}

TARE_AVX2 static int extremes_avx2(block_t block, block_result_t *result) {
    return scan_avx2_body(block, NULL, NULL, result);
}

// ---- AVX-512 ------------------------------------------------------------------------------------------------------

TARE_AVX512 static void flush_avx512(tare_statistics_window *window) { flush_body(window); }

// Extremes of a block; four of each so that no instruction waits for the one before it.
typedef struct {
    __m512 low[4], high[4];
    __m512i magnitude[4];
} extremes512_t;

TARE_AVX512 TARE_INLINE void observe512(extremes512_t *extremes, int slot, __mmask16 valid, __m512 x) {
    __m512i magnitude = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
    extremes->low[slot] = _mm512_mask_min_ps(extremes->low[slot], valid, extremes->low[slot], x);
    extremes->high[slot] = _mm512_mask_max_ps(extremes->high[slot], valid, extremes->high[slot], x);
    extremes->magnitude[slot] = _mm512_max_epu32(extremes->magnitude[slot], magnitude);
}

// The indices of 16 elements, without those of zeros; returns how many.
TARE_AVX512 TARE_INLINE size_t index512(__m512 x, __mmask16 nonzero, __m512 factor, __m512i first, uint16_t *indices) {
    // Rounding down twice: a tiny negative product must stay negative to fall into bin -1.
    __m512 y = _mm512_mul_round_ps(x, factor, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    __m512i bin = _mm512_cvt_roundps_epi32(y, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    bin = _mm512_sub_epi32(bin, first);
    if (nonzero == 0xffff) {
        _mm256_storeu_si256((__m256i *)indices, _mm512_cvtepi32_epi16(bin));
        return 16;
    }
    _mm256_storeu_si256((__m256i *)indices, _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(nonzero, bin)));
    return (size_t)__builtin_popcount(nonzero);
}

// As for AVX2; zeros get no index. `indices` has room for 16 more than the block's elements.
TARE_AVX512 TARE_INLINE int scan_avx512_body(
    block_t block, const lattice_t *lattice, uint16_t *indices, block_result_t *result) {
    const __m512 zero = _mm512_setzero_ps();
    const __m512 factor = _mm512_set1_ps(lattice ? lattice->single : 0);
    const __m512i first = _mm512_set1_epi32(lattice ? lattice->first_bin : 0);
    extremes512_t extremes;
    for (int slot = 0; slot < 4; slot++) {
        extremes.low[slot] = _mm512_set1_ps(INFINITY);
        extremes.high[slot] = _mm512_set1_ps(-INFINITY);
        extremes.magnitude[slot] = _mm512_setzero_si512();
    }
    size_t nonzeros = 0;
    size_t i = 0;
    for (; i + 64 <= block.count; i += 64) {
        for (int slot = 0; slot < 4; slot++) {
            __m512 x = _mm512_loadu_ps(block.elements + i + 16 * slot);
            observe512(&extremes, slot, 0xffff, x);
            __mmask16 nonzero = _mm512_cmp_ps_mask(x, zero, _CMP_NEQ_UQ);
            nonzeros += indices ? index512(x, nonzero, factor, first, indices + nonzeros)
                                : (size_t)__builtin_popcount(nonzero);
        }
    }
    for (; i < block.count; i += 16) {
        size_t left = block.count - i;
        __mmask16 valid = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
        __m512 x = _mm512_maskz_loadu_ps(valid, block.elements + i);
        observe512(&extremes, 0, valid, x);
        // Lanes past the end hold zero, so they are never nonzero.
        __mmask16 nonzero = _mm512_cmp_ps_mask(x, zero, _CMP_NEQ_UQ);
        nonzeros += indices ? index512(x, nonzero, factor, first, indices + nonzeros)
                            : (size_t)__builtin_popcount(nonzero);
    }
    __m512i magnitude = _mm512_max_epu32(
        _mm512_max_epu32(extremes.magnitude[0], extremes.magnitude[1]),
        _mm512_max_epu32(extremes.magnitude[2], extremes.magnitude[3]));
    if (_mm512_reduce_max_epu32(magnitude) >= 0x7f800000u) return 0;
    *result = empty_result();
    for (int slot = 1; slot < 4; slot++) {
        extremes.low[0] = _mm512_min_ps(extremes.low[0], extremes.low[slot]);
        extremes.high[0] = _mm512_max_ps(extremes.high[0], extremes.high[slot]);
    }
    result->minimum = _mm512_reduce_min_ps(extremes.low[0]);
    result->maximum = _mm512_reduce_max_ps(extremes.high[0]);
    result->zeros = block.count - nonzeros;
    result->index_count = nonzeros;
    result->skips_zeros = 1;
    return 1;
}

TARE_AVX512 static int scan_avx512(block_t block, const lattice_t *lattice, uint16_t *indices, block_result_t *result) {
    return scan_avx512_body(block, lattice, indices, result);
}

TARE_AVX512 static int extremes_avx512(block_t block, block_result_t *result) {
    return scan_avx512_body(block, NULL, NULL, result);
}
#endif

// ---- dispatch -----------------------------------------------------------------------------------------------------

int tare_statistics_is_supported(tare_statistics_variant variant) {
    switch (variant) {
    case TARE_STATISTICS_PLAIN: return 1;
#ifdef TARE_X86
    case TARE_STATISTICS_AVX2: return has_avx2();
    case TARE_STATISTICS_AVX512: return has_avx512();
#else
    case TARE_STATISTICS_AVX2:
    case TARE_STATISTICS_AVX512: return 0;
#endif
    }
    return 0;
}

tare_statistics_variant tare_statistics_best_variant(void) {
    if (tare_statistics_is_supported(TARE_STATISTICS_AVX512)) return TARE_STATISTICS_AVX512;
    if (tare_statistics_is_supported(TARE_STATISTICS_AVX2)) return TARE_STATISTICS_AVX2;
    return TARE_STATISTICS_PLAIN;
}

static block_result_t scan(
    tare_statistics_variant variant, block_t block, const lattice_t *lattice, uint16_t *indices) {
    block_result_t result;
#ifdef TARE_X86
    if (lattice->single != 0) {
        if (variant == TARE_STATISTICS_AVX512 && scan_avx512(block, lattice, indices, &result)) return result;
        if (variant == TARE_STATISTICS_AVX2 && scan_avx2(block, lattice, indices, &result)) return result;
    }
#endif
    return scan_plain(block, lattice, indices);
}

static block_result_t extremes(tare_statistics_variant variant, block_t block) {
    block_result_t result;
#ifdef TARE_X86
    if (variant == TARE_STATISTICS_AVX512 && extremes_avx512(block, &result)) return result;
    if (variant == TARE_STATISTICS_AVX2 && extremes_avx2(block, &result)) return result;
#endif
    return scan_plain(block, NULL, NULL);
}

static void add(const block_result_t *result, tare_statistics_summary *summary) {
    // Adding +0 turns -0 into +0.
    if (result->minimum < summary->minimum) summary->minimum = result->minimum + 0.0f;
    if (result->maximum > summary->maximum) summary->maximum = result->maximum + 0.0f;
    summary->zeros += result->zeros;
    summary->nans += result->nans;
    summary->positive_infinities += result->positive_infinities;
    summary->negative_infinities += result->negative_infinities;
}

void tare_statistics_flush(tare_statistics_variant variant, tare_statistics_window *window) {
#ifdef TARE_X86
    if (variant == TARE_STATISTICS_AVX512) return flush_avx512(window);
    if (variant == TARE_STATISTICS_AVX2) return flush_avx2(window);
#endif
    flush_plain(window);
}

void tare_statistics_summarize(
    tare_statistics_variant variant, const float *elements, size_t count, tare_statistics_summary *summary) {
    // Larger blocks than for histograms: only a block with special values pays for its size.
    const size_t limit = 8 * BLOCK;
    for (size_t done = 0; done < count; done += limit) {
        block_t block = {elements + done, count - done < limit ? count - done : limit};
        block_result_t result = extremes(variant, block);
        add(&result, summary);
    }
}

size_t tare_statistics_count(
    tare_statistics_variant variant, const float *elements, size_t count, tare_statistics_summary *summary,
    tare_statistics_window *window) {
    uint16_t indices[BLOCK + 16];
    lattice_t lattice = {ldexp(1, -window->exponent), 0, window->first_bin};
    if (lattice.exact <= FLT_MAX && lattice.exact >= FLT_MIN) lattice.single = (float)lattice.exact;
    for (size_t done = 0; done < count; done += BLOCK) {
        block_t block = {elements + done, count - done < BLOCK ? count - done : BLOCK};
        block_result_t result = scan(variant, block, &lattice, indices);
        if (result.minimum <= result.maximum) {
            double lowest = bin_of(result.minimum, &lattice) - window->first_bin;
            double highest = bin_of(result.maximum, &lattice) - window->first_bin;
            if (lowest < 0 || highest >= TARE_STATISTICS_BINS) return done;
        }
        add(&result, summary);
        uint32_t longest = (uint32_t)(result.index_count + TARE_STATISTICS_TABLES - 1) / TARE_STATISTICS_TABLES;
        if (window->pending + longest > UINT16_MAX) tare_statistics_flush(variant, window);
        increment(window->tables, indices, result.index_count);
        window->pending += longest;
        if (result.skips_zeros && result.zeros > 0) window->counts[-window->first_bin] += result.zeros;
    }
    return count;
}
