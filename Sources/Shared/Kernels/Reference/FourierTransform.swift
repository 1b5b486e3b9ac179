#if canImport(Glibc)
import Glibc
#endif

/// A complex number.
struct ComplexNumber {
    var real = 0.0
    var imaginary = 0.0

    static func + (a: ComplexNumber, b: ComplexNumber) -> ComplexNumber {
        ComplexNumber(real: a.real + b.real, imaginary: a.imaginary + b.imaginary)
    }

    static func - (a: ComplexNumber, b: ComplexNumber) -> ComplexNumber {
        ComplexNumber(real: a.real - b.real, imaginary: a.imaginary - b.imaginary)
    }

    static func * (a: ComplexNumber, b: ComplexNumber) -> ComplexNumber {
        ComplexNumber(
            real: a.real * b.real - a.imaginary * b.imaginary, imaginary: a.real * b.imaginary + a.imaginary * b.real)
    }
}

/// The discrete Fourier transform of one length: halved while the length is even, by its definition below that.
struct FourierTransform {
    private let length: Int
    private let isInverse: Bool
    /// e^(-2 pi i k / length), or its inverse.
    private let roots: [ComplexNumber]

    /// Prepares transforms; the inverse one divides by the length.
    init(length: Int, isInverse: Bool) {
        self.length = length
        self.isInverse = isInverse
        roots = (0..<length).map { index in
            let angle = (isInverse ? 2 : -2) * Double.pi * Double(index) / Double(length)
            return ComplexNumber(real: cos(angle), imaginary: sin(angle))
        }
    }

    /// The spectrum of numbers, which are cut off or followed by zeros to the length.
    func callAsFunction(_ numbers: [ComplexNumber]) -> [ComplexNumber] {
        let missing = max(length - numbers.count, 0)
        let padded = numbers.prefix(length) + [ComplexNumber](repeating: ComplexNumber(), count: missing)
        let spectrum = transform(Array(padded), step: 1)
        guard isInverse else { return spectrum }
        return spectrum.map {
            ComplexNumber(real: $0.real / Double(length), imaginary: $0.imaginary / Double(length))
        }
    }

    /// The transform of a part that has every `step`-th number.
    private func transform(_ numbers: [ComplexNumber], step: Int) -> [ComplexNumber] {
        let count = numbers.count
        guard count.isMultiple(of: 2), count > 0 else { return byDefinition(numbers, step: step) }
        let even = transform(stride(from: 0, to: count, by: 2).map { numbers[$0] }, step: 2 * step)
        let odd = transform(stride(from: 1, to: count, by: 2).map { numbers[$0] }, step: 2 * step)
        let turned = odd.enumerated().map { roots[$0.offset * step] * $0.element }
        return zip(even, turned).map(+) + zip(even, turned).map(-)
    }

    private func byDefinition(_ numbers: [ComplexNumber], step: Int) -> [ComplexNumber] {
        let count = numbers.count
        guard count > 1 else { return numbers }
        return (0..<count).map { bin in
            var sum = ComplexNumber()
            for (place, number) in numbers.enumerated() { sum = sum + roots[bin * place % count * step] * number }
            return sum
        }
    }
}
