// One step of an LSTM, forward and backward. Gates in ONNX's order: input, output, forget, cell.
#include "training_internal.h"

static float sigmoid(float x) {
    // The larger part is taken out so that the exponential cannot overflow.
    if (x >= 0) return 1 / (1 + expf(-x));
    const float e = expf(x);
    return e / (1 + e);
}

void tare_training_lstm_cell(
    float *gates, const float *recurrent, const float *bias, const float *old_cell, float *cell, float *squashed,
    float *state, size_t batch, size_t hidden) {
    for (size_t n = 0; n < batch; n++) {
        for (size_t k = 0; k < hidden; k++) {
            float values[4];
            for (size_t gate = 0; gate < 4; gate++) {
                const size_t column = gate * hidden + k, at = n * 4 * hidden + column;
                float sum = gates[at] + recurrent[at];
                if (bias) sum += bias[column] + bias[4 * hidden + column];
                values[gate] = gate == 3 ? tanhf(sum) : sigmoid(sum);
                gates[at] = values[gate];
            }
            const size_t at = n * hidden + k;
            cell[at] = values[2] * old_cell[at] + values[0] * values[3];
            squashed[at] = tanhf(cell[at]);
            state[at] = values[1] * squashed[at];
        }
    }
}

void tare_training_lstm_cell_backward(
    const float *gates, const float *old_cell, const float *squashed, const float *dstate, float *dcell, float *dgates,
    size_t batch, size_t hidden) {
    for (size_t n = 0; n < batch; n++) {
        for (size_t k = 0; k < hidden; k++) {
            const size_t at = n * hidden + k, first = n * 4 * hidden + k;
            const float input = gates[first], output = gates[first + hidden], forget = gates[first + 2 * hidden];
            const float candidate = gates[first + 3 * hidden];
            const float through = dcell[at] + dstate[at] * output * (1 - squashed[at] * squashed[at]);
            dgates[first] = through * candidate * input * (1 - input);
            dgates[first + hidden] = dstate[at] * squashed[at] * output * (1 - output);
            dgates[first + 2 * hidden] = through * old_cell[at] * forget * (1 - forget);
            dgates[first + 3 * hidden] = through * input * (1 - candidate * candidate);
            dcell[at] = through * forget;
        }
    }
}
