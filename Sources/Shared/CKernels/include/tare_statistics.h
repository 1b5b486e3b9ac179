// One-pass statistics over a block of floats: extremes, counts of special values, and a histogram in bins of width 2^e.
//
// Every variant gives the same results to the bit. Nothing here allocates, reads the environment or keeps global state.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Which instructions a call uses.
typedef enum tare_statistics_variant {
    TARE_STATISTICS_PLAIN = 0,
    TARE_STATISTICS_AVX2 = 1,
    TARE_STATISTICS_AVX512 = 2,
} tare_statistics_variant;

enum {
    /// Number of consecutive bins that a window holds.
    TARE_STATISTICS_BINS = 4096,
    /// Number of partial tables; neighbouring elements go to different ones, so equal values do not wait for each other.
    TARE_STATISTICS_TABLES = 4,
    /// Entries from one table to the next: the padding keeps them out of each other's cache sets.
    TARE_STATISTICS_TABLE_STRIDE = 4096 + 64,
};

/// What was seen. Start with minimum = +infinity, maximum = -infinity and zero counts.
typedef struct tare_statistics_summary {
    /// Extremes of the finite elements; a zero is +0.
    float minimum, maximum;
    uint64_t zeros, nans, positive_infinities, negative_infinities;
} tare_statistics_summary;

/// The bins first_bin ... first_bin + 4095 of width 2^exponent.
typedef struct tare_statistics_window {
    /// Totals, TARE_STATISTICS_BINS entries.
    uint64_t *counts;
    /// Partial counts not yet in the totals, TARE_STATISTICS_TABLES * TARE_STATISTICS_TABLE_STRIDE entries.
    uint16_t *tables;
    /// In -149 ... 118.
    int32_t exponent;
    int32_t first_bin;
    /// Upper bound of every entry of the tables.
    uint32_t pending;
} tare_statistics_window;

/// Whether this machine can run a variant.
int tare_statistics_is_supported(tare_statistics_variant variant);

/// The fastest variant that this machine can run.
tare_statistics_variant tare_statistics_best_variant(void);

/// Adds `count` elements to the summary.
void tare_statistics_summarize(
    tare_statistics_variant variant, const float *elements, size_t count, tare_statistics_summary *summary);

/// Adds elements to the summary and the window, and stops before the first block that has a finite element outside of
/// the window. Returns how many elements were added; the others have changed nothing.
size_t tare_statistics_count(
    tare_statistics_variant variant, const float *elements, size_t count, tare_statistics_summary *summary,
    tare_statistics_window *window);

/// Moves the partial counts into the totals.
void tare_statistics_flush(tare_statistics_variant variant, tare_statistics_window *window);

#ifdef __cplusplus
}
#endif
