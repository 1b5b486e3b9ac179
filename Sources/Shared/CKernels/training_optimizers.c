// Steps of optimizers, in place.
#include "training_internal.h"

TARE_INLINE void sgd_body(
    float *weights, const float *gradient, float *velocity, size_t count, float rate, float momentum, float decay) {
    if (velocity) {
        TARE_ELEMENTWISE
        for (size_t i = 0; i < count; i++) {
            const float g = gradient[i] + decay * weights[i];
            const float v = momentum * velocity[i] + g;
            velocity[i] = v;
            weights[i] -= rate * v;
        }
    } else {
        TARE_ELEMENTWISE
        for (size_t i = 0; i < count; i++) weights[i] -= rate * (gradient[i] + decay * weights[i]);
    }
}

TARE_INLINE void adam_body(
    const tare_training_adam_step *s, float *weights, const float *gradient, float *first, float *second,
    size_t count) {
    const float size = s->rate / s->correction1;
    TARE_ELEMENTWISE
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i] + s->decay * weights[i];
        const float m = first[i] + (g - first[i]) * (1 - s->beta1);
        const float v = second[i] * s->beta2 + g * g * (1 - s->beta2);
        first[i] = m;
        second[i] = v;
        weights[i] -= size * (m / (sqrtf(v) / s->root_correction2 + s->epsilon));
    }
}

TARE_VARIANTS(
    tare_training_sgd, sgd_body,
    (float *weights, const float *gradient, float *velocity, size_t count, float rate, float momentum, float decay),
    (weights, gradient, velocity, count, rate, momentum, decay))
TARE_VARIANTS(
    tare_training_adam, adam_body,
    (const tare_training_adam_step *step, float *weights, const float *gradient, float *first, float *second,
     size_t count),
    (step, weights, gradient, first, second, count))
