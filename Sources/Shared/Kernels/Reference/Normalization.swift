import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// `(x - mean) / sqrt(variance + epsilon) * scale + bias` per channel, computed in `Double`.
    ///
    /// In training mode with the batch's statistics, and the updated running ones as outputs 1 and 2.
    static func batchNormalization(
        _ attributes: BatchNormalizationAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        let channels = data.shape.rank > 1 ? data.shape[1] : 1
        var parameters: [[Double]] = []
        for index in 1...4 {
            let parameter = try inputs.required(index)
            guard parameter.shape.dimensions == [channels] else {
                throw .shapeMismatch(
                    "input \(index) of shape \(parameter.shape) does not have one element per channel of \(data.shape)")
            }
            parameters.append(parameter.converted(to: .float64).elements(as: Double.self))
        }
        let size = data.shape.rank > 2 ? KernelShapes.count(data.shape.dimensions[2...]) : 1
        let batch = data.shape.rank > 0 ? data.shape[0] : 1
        var values = data.converted(to: .float64).elements(as: Double.self)
        var (means, variances) = (parameters[2], parameters[3])
        if attributes.trainingMode && !values.isEmpty {
            (means, variances) = channelStatistics(values, batch: batch, channels: channels, size: size)
        }
        let epsilon = Double(attributes.epsilon)
        if !values.isEmpty {
            for plane in 0..<batch * channels {
                let channel = plane % channels
                let factor = parameters[0][channel] / (variances[channel] + epsilon).squareRoot()
                for index in plane * size..<(plane + 1) * size {
                    values[index] = (values[index] - means[channel]) * factor + parameters[1][channel]
                }
            }
        }
        let result = Tensor(shape: data.shape, elements: values).converted(to: data.elementType)
        guard attributes.trainingMode else { return [result] }
        let momentum = Double(attributes.momentum)
        func running(_ old: [Double], _ new: [Double], index: Int) throws(KernelError) -> Tensor {
            let mixed = zip(old, new).map { $0 * momentum + $1 * (1 - momentum) }
            return Tensor(shape: [channels], elements: mixed).converted(to: try inputs.required(index).elementType)
        }
        return [
            result, try running(parameters[2], means, index: 3), try running(parameters[3], variances, index: 4),
        ]
    }

    /// Mean and population variance of each channel.
    private static func channelStatistics(
        _ values: [Double], batch: Int, channels: Int, size: Int
    ) -> (means: [Double], variances: [Double]) {
        let count = Double(batch * size)
        func sums(_ term: (Int, Double) -> Double) -> [Double] {
            (0..<channels).map { channel in
                var sum = 0.0
                for sample in 0..<batch {
                    let start = (sample * channels + channel) * size
                    for index in start..<start + size { sum += term(channel, values[index]) }
                }
                return sum / count
            }
        }
        let means = sums { $1 }
        let variances = sums { channel, value in
            let deviation = value - means[channel]
            return deviation * deviation
        }
        return (means, variances)
    }

    /// Normalises over the axes from `axis` on; outputs the result, the means and the inverse deviations (float32).
    static func layerNormalization(
        _ attributes: LayerNormalizationAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        let axis = try KernelShapes.axis(attributes.axis, rank: data.shape.rank)
        let scale = try inputs.required(1)
        let bias = inputs.optional(2)
        let normalized = Shape(Array(data.shape.dimensions[axis...]))
        for parameter in [scale, bias].compactMap({ $0 }) {
            guard try Broadcasting.shape(of: [parameter.shape, data.shape]) == data.shape.dimensions else {
                throw .shapeMismatch("parameter \(parameter.shape) does not broadcast to the data \(data.shape)")
            }
        }
        var values = data.converted(to: .float64).elements(as: Double.self)
        let size = normalized.elementCount
        let statisticsShape = try KernelShapes.output(
            data.shape.dimensions.indices.map { $0 < axis ? data.shape[$0] : 1 }, .float64)
        let (means, inverses) = standardize(&values, size: size, count: statisticsShape.elementCount) { variance in
            1 / (variance + Double(attributes.epsilon)).squareRoot()
        }
        var result = Tensor(shape: data.shape, elements: values)
        result = try combine(result, scale, Double.self, to: .float64) { $0 * $1 }
        if let bias { result = try combine(result, bias, Double.self, to: .float64) { $0 + $1 } }
        // The statistics are computed and kept in float32 whatever the data's type (`stash_type` 1).
        return [
            result.converted(to: data.elementType),
            Tensor(shape: statisticsShape, elements: means.map { Float($0) }),
            Tensor(shape: statisticsShape, elements: inverses.map { Float($0) }),
        ]
    }

    /// Gives each of `count` runs of `size` elements the mean 0, and multiplies by what a function makes of its variance.
    ///
    /// - Returns: The means and the factors.
    @discardableResult
    static func standardize(
        _ values: inout [Double], size: Int, count: Int, factor: (Double) -> Double
    ) -> (means: [Double], factors: [Double]) {
        var means: [Double] = []
        var factors: [Double] = []
        for run in 0..<count {
            let range = run * size..<(run + 1) * size
            var sum = 0.0
            for index in range { sum += values[index] }
            let mean = sum / Double(size)
            var squares = 0.0
            for index in range { squares += (values[index] - mean) * (values[index] - mean) }
            let factor = factor(squares / Double(size))
            for index in range { values[index] = (values[index] - mean) * factor }
            means.append(mean)
            factors.append(factor)
        }
        return (means, factors)
    }

    /// Divides by a power of the sum of squares over neighbouring channels; computed in `Double`.
    static func localResponseNormalization(
        _ attributes: LocalResponseNormalizationAttributes, _ inputs: KernelInputs
    ) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        guard data.shape.rank >= 2 else { throw .shapeMismatch("LRN takes data [N, C, ...], not \(data.shape)") }
        guard attributes.size >= 1 else { throw .invalidArgument("size is \(attributes.size); it must be at least 1") }
        let values = data.converted(to: .float64).elements(as: Double.self)
        guard !values.isEmpty else { return data }
        let channels = data.shape[1]
        let inner = KernelShapes.count(data.shape.dimensions[2...])
        let before = min((attributes.size - 1) / 2, channels)
        let after = min(attributes.size - 1 - (attributes.size - 1) / 2, channels)
        let factor = Double(attributes.alpha) / Double(attributes.size)
        var result: [Double] = []
        result.reserveCapacity(values.count)
        for plane in 0..<data.shape[0] * channels {
            let channel = plane % channels
            let first = plane - min(before, channel)
            let last = plane + min(after, channels - 1 - channel)
            for position in 0..<inner {
                var sum = 0.0
                for neighbour in first...last {
                    let value = values[neighbour * inner + position]
                    sum += value * value
                }
                let base = Double(attributes.bias) + factor * sum
                result.append(values[plane * inner + position] / pow(base, Double(attributes.beta)))
            }
        }
        return Tensor(shape: data.shape, elements: result).converted(to: data.elementType)
    }

    /// Exponentials divided by their sum along an axis, or the logarithm of that; computed in `Double`.
    static func softmax(axis: Int, logarithm: Bool, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        let axis = try KernelShapes.axis(axis, rank: data.shape.rank)
        var values = data.converted(to: .float64).elements(as: Double.self)
        guard !values.isEmpty else { return data }
        let count = data.shape[axis]
        let inner = KernelShapes.count(data.shape.dimensions[(axis + 1)...])
        for lead in 0..<values.count / (count * inner) {
            for position in 0..<inner {
                let first = lead * count * inner + position
                let indices = stride(from: first, to: first + count * inner, by: inner)
                var largest = -Double.infinity
                for index in indices { largest = maximum(largest, values[index]) }
                var sum = 0.0
                for index in indices { sum += exp(values[index] - largest) }
                let logarithmOfSum = log(sum)
                for index in indices {
                    let shifted = values[index] - largest
                    values[index] = logarithm ? shifted - logarithmOfSum : exp(shifted) / sum
                }
            }
        }
        return Tensor(shape: data.shape, elements: values).converted(to: data.elementType)
    }
}
