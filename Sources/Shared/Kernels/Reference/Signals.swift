import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// Spectra, windows and filters; computed in `Double` and rounded once.
    static func signal(_ op: SignalOperator, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        switch op {
        case .window(let window, let isPeriodic, let type):
            try self.window(window, count: try inputs.integer(0), isPeriodic: isPeriodic, type)
        case .fourierTransform(let isInverse, let isOneSided):
            try fourierTransform(inputs, isInverse: isInverse, isOneSided: isOneSided)
        case .shortTimeFourierTransform(let isOneSided): try shortTimeTransform(inputs, isOneSided: isOneSided)
        case .melWeights(let type): try melWeights(inputs, type)
        }
    }

    private static func window(
        _ window: SignalOperator.Window, count: Int, isPeriodic: Bool, _ type: ElementType
    ) throws(KernelError) -> Tensor {
        let shape = try KernelShapes.output([count], type)
        let period = Double(isPeriodic ? count : count - 1)
        let elements = (0..<count).map { place -> Double in
            let angle = period == 0 ? 0 : 2 * Double.pi * Double(place) / period
            return switch window {
            case .hann: 0.5 - 0.5 * cos(angle)
            case .hamming: 25.0 / 46 - (1 - 25.0 / 46) * cos(angle)
            case .blackman: 0.42 - 0.5 * cos(angle) + 0.08 * cos(2 * angle)
            }
        }
        return Tensor(shape: shape, elements: elements).converted(to: type)
    }

    private static func fourierTransform(
        _ inputs: KernelInputs, isInverse: Bool, isOneSided: Bool
    ) throws(KernelError) -> Tensor {
        let data = try doubles(inputs, 0)
        let tensor = try inputs.required(0)
        let shape = tensor.shape
        guard shape.rank >= 2, (1...2).contains(shape[shape.rank - 1]) else {
            throw .shapeMismatch("a signal \(shape) does not end with the parts of real or complex numbers")
        }
        let axis = try KernelShapes.axis(try inputs.optionalInteger(2) ?? -2, rank: shape.rank)
        guard axis < shape.rank - 1 else { throw .invalidArgument("axis \(axis) holds the parts of numbers") }
        let isReal = isInverse && isOneSided
        let length = try inputs.optionalInteger(1) ?? (isReal ? 2 * (shape[axis] - 1) : shape[axis])
        guard (1...1 << 24).contains(length) else { throw .invalidArgument("a transform of length \(length)") }
        let bins = isOneSided && !isInverse ? length / 2 + 1 : length
        var extents = shape.dimensions
        (extents[axis], extents[shape.rank - 1]) = (bins, isReal ? 1 : 2)
        let result = try KernelShapes.output(extents, tensor.elementType)
        let parts = shape[shape.rank - 1]
        let inner = KernelShapes.count(shape.dimensions[(axis + 1)..<(shape.rank - 1)])
        let outer = KernelShapes.count(shape.dimensions[..<axis])
        let transform = FourierTransform(length: length, isInverse: isInverse)
        var elements = [Double](repeating: 0, count: result.elementCount)
        for line in 0..<outer * inner {
            let (lead, rest) = (line / inner, line % inner)
            var numbers = (0..<min(shape[axis], length)).map { step -> ComplexNumber in
                let place = ((lead * shape[axis] + step) * inner + rest) * parts
                return ComplexNumber(real: data[place], imaginary: parts == 2 ? data[place + 1] : 0)
            }
            if isReal { numbers = Self.whole(spectrum: numbers, length: length) }
            let spectrum = transform(numbers)
            for bin in 0..<bins {
                let place = ((lead * bins + bin) * inner + rest) * (isReal ? 1 : 2)
                elements[place] = spectrum[bin].real
                if !isReal { elements[place + 1] = spectrum[bin].imaginary }
            }
        }
        return Tensor(shape: result, elements: elements).converted(to: tensor.elementType)
    }

    /// The spectrum of a real signal from its first half.
    private static func whole(spectrum half: [ComplexNumber], length: Int) -> [ComplexNumber] {
        (0..<length).map { bin in
            if bin <= length / 2 { return bin < half.count ? half[bin] : ComplexNumber() }
            guard length - bin < half.count else { return ComplexNumber() }
            return ComplexNumber(real: half[length - bin].real, imaginary: -half[length - bin].imaginary)
        }
    }

    private static func shortTimeTransform(
        _ inputs: KernelInputs, isOneSided: Bool
    ) throws(KernelError) -> Tensor {
        let signal = try doubles(inputs, 0, rank: 3)
        let tensor = try inputs.required(0)
        let (batch, samples, parts) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
        let step = try inputs.integer(1)
        let window = inputs.optional(2) == nil ? nil : try doubles(inputs, 2, rank: 1)
        guard let length = try inputs.optionalInteger(3) ?? window?.count else {
            throw .missingInput(index: 3)
        }
        guard (1...2).contains(parts), step > 0, length >= 1, length <= samples,
            window.map({ $0.count == length }) ?? true
        else { throw .shapeMismatch("frames of \(length) every \(step) samples do not fit a signal \(tensor.shape)") }
        let frames = (samples - length) / step + 1
        let bins = isOneSided ? length / 2 + 1 : length
        let shape = try KernelShapes.output([batch, frames, bins, 2], tensor.elementType)
        let transform = FourierTransform(length: length, isInverse: false)
        var elements: [Double] = []
        elements.reserveCapacity(shape.elementCount)
        for image in 0..<batch {
            for frame in 0..<frames {
                let numbers = (0..<length).map { place -> ComplexNumber in
                    let index = (image * samples + frame * step + place) * parts
                    let weight = window?[place] ?? 1
                    return ComplexNumber(
                        real: weight * signal[index], imaginary: parts == 2 ? weight * signal[index + 1] : 0)
                }
                for number in transform(numbers).prefix(bins) { elements += [number.real, number.imaginary] }
            }
        }
        return Tensor(shape: shape, elements: elements).converted(to: tensor.elementType)
    }

    /// Triangles that are evenly spaced on the mel scale 2595 log10(1 + f / 700), as ONNX's reference lays them.
    private static func melWeights(_ inputs: KernelInputs, _ type: ElementType) throws(KernelError) -> Tensor {
        let (bands, length, rate) = (
            try inputs.integer(0), try inputs.integer(1), try inputs.integer(2)
        )
        let edges = [try doubles(inputs, 3), try doubles(inputs, 4)].compactMap(\.first)
        guard (1...1 << 20).contains(bands), (1...1 << 24).contains(length), rate > 0, edges.count == 2,
            edges.allSatisfy({ (0...1e9).contains($0) }), edges[0] <= edges[1]
        else { throw .invalidArgument("\(bands) bands of a transform of \(length) at \(rate) samples a second") }
        let bins = length / 2 + 1
        let shape = try KernelShapes.output([bins, bands], type)
        let mels = edges.map { 2595 * log10(1 + $0 / 700) }
        let step = (mels[1] - mels[0]) / Double(bands + 2)
        let centers = (0..<bands + 2).map { band in
            let frequency = 700 * (pow(10, (mels[0] + step * Double(band)) / 2595) - 1)
            return Int((Double(length + 1) * frequency / Double(rate)).rounded(.down))
        }
        var elements = [Double](repeating: 0, count: shape.elementCount)
        for band in 0..<bands {
            let (low, center, high) = (centers[band], centers[band + 1], centers[band + 2])
            func set(_ bin: Int, _ value: Double) {
                if (0..<bins).contains(bin) { elements[bin * bands + band] = value }
            }
            if low == center {
                set(center, 1)
            } else {
                for bin in (low..<max(low, center + 1)).clamped(to: 0..<bins) {
                    set(bin, Double(bin - low) / Double(center - low))
                }
            }
            if high > center {
                for bin in (center..<high).clamped(to: 0..<bins) {
                    set(bin, Double(high - bin) / Double(high - center))
                }
            }
        }
        return Tensor(shape: shape, elements: elements).converted(to: type)
    }
}
