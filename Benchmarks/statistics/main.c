// Speed of the statistics kernels on one thread, against memcpy, for data in the second-level cache and in memory.
//
//   cc -O3 -ffp-contract=off Benchmarks/statistics/main.c Sources/Shared/CKernels/statistics.c -lm -o /tmp/statistics
//   /tmp/statistics [ELEMENTS] [ROUNDS]
#define _GNU_SOURCE
#include "../../Sources/Shared/CKernels/include/tare_statistics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

// Sum of four uniform numbers: close enough to a normal distribution, deviation 1.
static void fill(float *elements, size_t count, int distribution) {
    uint64_t state = 7;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            sum += (double)(state >> 40) / 16777216.0;
        }
        float value = (float)((sum - 2) * 1.7320508);
        if (distribution == 1 && value < 0) value = 0;
        if (distribution == 2 && (state >> 33) % 10 != 0) value = 0;
        elements[i] = value;
    }
}

typedef enum { COPY, EXTREMES, HISTOGRAM } work_t;

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200704;
    int rounds = argc > 2 ? atoi(argv[2]) : 15;
    if (rounds < 1 || rounds > 1000 || count < 1) return 64;
    float *elements = aligned_alloc(64, (count * 4 + 63) / 64 * 64);
    float *copy = aligned_alloc(64, (count * 4 + 63) / 64 * 64);
    uint64_t *counts = calloc(TARE_STATISTICS_BINS, sizeof *counts);
    uint16_t *tables = calloc(TARE_STATISTICS_TABLES * TARE_STATISTICS_TABLE_STRIDE, sizeof *tables);
    if (!elements || !copy || !counts || !tables) return 70;
    const char *distributions[] = {"gaussian", "relu", "90% zeros"};
    const char *variants[] = {"plain", "avx2", "avx512"};
    int repetitions = (int)(8000000 / count) + 1;
    printf("%zu elements, Gelem/s (ratio to memcpy), median of %d\n", count, rounds);
    for (int d = 0; d < 3; d++) {
        fill(elements, count, d);
        memcpy(copy, elements, count * 4);
        double copied = 0;
        for (int job = 0; job < 7; job++) {
            work_t work = job == 0 ? COPY : job % 2 ? EXTREMES : HISTOGRAM;
            tare_statistics_variant variant = job == 0 ? TARE_STATISTICS_PLAIN : (tare_statistics_variant)((job - 1) / 2);
            if (!tare_statistics_is_supported(variant)) continue;
            double times[1000];
            for (int round = 0; round < rounds; round++) {
                // 4096 bins of width 2^-9 hold -4 ... 4.
                tare_statistics_window window = {counts, tables, -9, -2048, 0};
                tare_statistics_summary summary = {INFINITY, -INFINITY, 0, 0, 0, 0};
                double start = now();
                for (int i = 0; i < repetitions; i++) {
                    if (work == COPY) {
                        memcpy(copy, elements, count * 4);
                        __asm__ volatile("" : : "r"(copy) : "memory");
                    } else if (work == EXTREMES) {
                        tare_statistics_summarize(variant, elements, count, &summary);
                    } else if (tare_statistics_count(variant, elements, count, &summary, &window) != count) {
                        return 70;
                    }
                }
                if (work == HISTOGRAM) tare_statistics_flush(variant, &window);
                times[round] = (now() - start) / repetitions;
            }
            qsort(times, (size_t)rounds, sizeof *times, by_value);
            double rate = (double)count / times[rounds / 2] / 1e9;
            if (work == COPY) copied = rate;
            printf("%-10s %-7s %-20s %6.2f (%.2f)\n", distributions[d], work == COPY ? "libc" : variants[variant],
                   work == COPY ? "memcpy" : work == EXTREMES ? "extremes" : "histogram + extremes", rate, rate / copied);
        }
    }
    free(elements), free(copy), free(counts), free(tables);
    return 0;
}
