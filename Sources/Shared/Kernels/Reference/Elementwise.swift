import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// A function of each element.
    ///
    /// Floats are computed in `Double` and rounded once, so the last bit does not depend on which variant of a function
    /// the machine's C library picks.
    static func unary(_ function: UnaryFunction, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let input = try inputs.required(0)
        switch input.elementType.lane {
        case .float: return mapFloats(input, Float.self, function)
        case .double: return mapFloats(input, Double.self, function)
        case .signed, .unsigned: return mapIntegers(input, function)
        case nil: throw .unsupportedElementType(input: 0, type: input.elementType.rawValue)
        }
    }

    private static func mapFloats<T: Lane & BinaryFloatingPoint>(
        _ input: Tensor, _ lane: T.Type, _ function: UnaryFunction
    ) -> Tensor {
        let wide = input.widened(to: lane)
        func exact(_ body: (T) -> T) -> Tensor { wide.map(lane, body) }
        func rounded(_ body: (Double) -> Double) -> Tensor { wide.map(lane) { T(body(Double($0))) } }
        let result =
            switch function {
            case .absolute: exact { $0.magnitude }
            case .negate: exact { -$0 }
            // NaN passes through, as in NumPy's maximum.
            case .relu: exact { $0 < 0 ? 0 : $0 }
            case .leakyRelu(let slope): exact { $0 < 0 ? $0 * T(slope) : $0 }
            case .elu(let alpha): rounded { $0 < 0 ? Double(alpha) * expm1($0) : $0 }
            case .sigmoid: rounded { 1 / (1 + exp(-$0)) }
            case .hardSigmoid(let alpha, let beta): exact { clamp($0 * T(alpha) + T(beta), 0, 1) }
            case .hardSwish: exact { $0 * clamp($0 * T(Float(1) / 6) + T(0.5), 0, 1) }
            case .tanh: rounded { tanh($0) }
            case .exp: rounded { exp($0) }
            case .log: rounded { log($0) }
            case .sqrt: exact { $0.squareRoot() }
            case .reciprocal: exact { 1 / $0 }
            case .erf: rounded { erf($0) }
            // The larger part is taken out so that the exponential cannot overflow.
            case .softplus: rounded { max($0, 0) + log1p(exp(-$0.magnitude)) }
            case .floor: exact { $0.rounded(.down) }
            case .ceil: exact { $0.rounded(.up) }
            case .round: exact { $0.rounded(.toNearestOrEven) }
            case .gelu(let tanhApproximation):
                tanhApproximation
                    ? rounded { 0.5 * $0 * (1 + tanh(0.7978845608028654 * ($0 + 0.044715 * $0 * $0 * $0))) }
                    : rounded { 0.5 * $0 * (1 + erf($0 * 0.7071067811865476)) }
            }
        return result.narrowed(to: input.elementType)
    }

    private static func mapIntegers(_ input: Tensor, _ function: UnaryFunction) -> Tensor {
        // Unsigned numbers are their own absolute value; erf of an integer is -1, 0 or 1 after truncation.
        if case .absolute = function, input.elementType.lane == .unsigned { return input }
        let wide = input.widened(to: Int64.self)
        let result =
            switch function {
            case .absolute: wide.map(Int64.self) { $0 < 0 ? 0 &- $0 : $0 }
            case .negate: wide.map(Int64.self) { 0 &- $0 }
            case .relu: wide.map(Int64.self) { max($0, 0) }
            default: wide.map(Int64.self) { Int64(converting: erf(Double($0))) }
            }
        return result.narrowed(to: input.elementType)
    }

    @inline(__always)
    private static func clamp<T: Comparable>(_ value: T, _ lower: T, _ upper: T) -> T {
        value < lower ? lower : (value > upper ? upper : value)
    }

    /// A function of two elements, with broadcasting.
    static func binary(_ function: BinaryFunction, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        if function == .power { return try power(inputs) }
        let left = try inputs.required(0)
        let right = try inputs.required(1)
        if function == .parametricRelu {
            let common = try Broadcasting.shape(of: [left.shape, right.shape])
            guard common == left.shape.dimensions else {
                throw .shapeMismatch("slope \(right.shape) does not broadcast to the data \(left.shape)")
            }
        }
        return switch left.elementType.lane {
        case .float: try binary(function, left, right, Float.self)
        case .double: try binary(function, left, right, Double.self)
        case .signed: try binary(function, left, right, Int64.self)
        case .unsigned: try binary(function, left, right, UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: left.elementType.rawValue)
        }
    }

    private static func binary<T: Lane>(
        _ function: BinaryFunction, _ left: Tensor, _ right: Tensor, _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        let type = left.elementType
        return switch function {
        case .add: try combine(left, right, lane, to: type) { $0.adding($1) }
        case .subtract: try combine(left, right, lane, to: type) { $0.subtracting($1) }
        case .multiply: try combine(left, right, lane, to: type) { $0.multiplied(by: $1) }
        case .divide: try divide(left, right, lane)
        case .parametricRelu:
            try combine(left, right, lane, to: type) { $0 < T.zero ? $0.multiplied(by: $1) : $0 }
        case .power: try power(KernelInputs(tensors: [left, right]))
        }
    }

    private static func divide<T: Lane>(_ left: Tensor, _ right: Tensor, _ lane: T.Type) throws(KernelError) -> Tensor {
        var zeroDivisor = false
        let result = try combine(left, right, lane, to: left.elementType) { numerator, denominator in
            if let quotient = numerator.divided(by: denominator) { return quotient }
            zeroDivisor = true
            return T.zero
        }
        if zeroDivisor { throw .invalidArgument("an integer is divided by zero") }
        return result
    }

    /// `base ^ exponent` in the type of the base, through `Double` except for integers with whole exponents.
    private static func power(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let base = try inputs.required(0)
        let exponent = try inputs.required(1)
        let type = base.elementType
        if base.elementType.lane == .signed && !exponent.elementType.isFloatingPoint {
            return try combine(base, exponent, Int64.self, to: type) { wrappingPower($0, $1) }
        }
        let result = try combine(base, exponent, Double.self, to: .float64) { pow($0, $1) }
        return result.converted(to: type)
    }

    /// Integer power that wraps; a negative exponent truncates the real result, as ONNX Runtime does.
    private static func wrappingPower(_ base: Int64, _ exponent: Int64) -> Int64 {
        guard exponent >= 0 else { return Int64(converting: pow(Double(base), Double(exponent))) }
        var result: Int64 = 1
        var square = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result &*= square }
            square &*= square
            rest >>= 1
        }
        return result
    }

    /// A function of any number of elements, with broadcasting; taken from the first input to the last.
    static func variadic(_ function: VariadicFunction, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let first = try inputs.required(0)
        var tensors = [first]
        for index in 1..<max(inputs.count, 1) {
            tensors.append(try inputs.required(index))
        }
        return switch first.elementType.lane {
        case .float: try variadic(function, tensors, Float.self)
        case .double: try variadic(function, tensors, Double.self)
        case .signed: try variadic(function, tensors, Int64.self)
        case .unsigned: try variadic(function, tensors, UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: first.elementType.rawValue)
        }
    }

    private static func variadic<T: Lane>(
        _ function: VariadicFunction, _ tensors: [Tensor], _ lane: T.Type
    ) throws(KernelError) -> Tensor {
        var result = tensors[0].widened(to: lane)
        for tensor in tensors.dropFirst() {
            switch function {
            case .sum, .mean: result = try combine(result, tensor, lane, to: T.elementType) { $0.adding($1) }
            case .minimum: result = try combine(result, tensor, lane, to: T.elementType) { minimum($0, $1) }
            case .maximum: result = try combine(result, tensor, lane, to: T.elementType) { maximum($0, $1) }
            }
        }
        if function == .mean {
            let count = T(converting: Double(tensors.count))
            result = result.map(lane) { $0.divided(by: count) ?? $0 }
        }
        return result.narrowed(to: tensors[0].elementType)
    }

    /// The smaller of two; NaN wins, as in NumPy and ONNX Runtime.
    @inline(__always)
    static func minimum<T: Lane>(_ left: T, _ right: T) -> T {
        left < right || left.isNotANumber ? left : right
    }

    /// The larger of two; NaN wins, as in NumPy and ONNX Runtime.
    @inline(__always)
    static func maximum<T: Lane>(_ left: T, _ right: T) -> T {
        left > right || left.isNotANumber ? left : right
    }

    /// Limits elements to the bounds; when the bounds cross, everything becomes the upper one.
    static func clip(_ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let data = try inputs.required(0)
        for index in 1...2 {
            if let bound = inputs.optional(index), bound.elementCount != 1 {
                throw .shapeMismatch("the bound at input \(index) must be a scalar but has shape \(bound.shape)")
            }
        }
        return switch data.elementType.lane {
        case .float: clip(data, inputs.optional(1), inputs.optional(2), Float.self)
        case .double: clip(data, inputs.optional(1), inputs.optional(2), Double.self)
        case .signed: clip(data, inputs.optional(1), inputs.optional(2), Int64.self)
        case .unsigned: clip(data, inputs.optional(1), inputs.optional(2), UInt64.self)
        case nil: throw .unsupportedElementType(input: 0, type: data.elementType.rawValue)
        }
    }

    private static func clip<T: Lane>(_ data: Tensor, _ lower: Tensor?, _ upper: Tensor?, _ lane: T.Type) -> Tensor {
        func bound(_ tensor: Tensor?) -> T? { tensor?.widened(to: lane).elements(as: lane).first }
        let lower = bound(lower)
        let upper = bound(upper)
        let result = data.widened(to: lane).map(lane) { value in
            var value = value
            if let lower, value < lower { value = lower }
            if let upper, value > upper { value = upper }
            return value
        }
        return result.narrowed(to: data.elementType)
    }

    /// Inference form of dropout: the data, and a mask that keeps everything.
    static func dropout(_ inputs: KernelInputs, outputCount: Int) throws(KernelError) -> [Tensor] {
        let data = try inputs.required(0)
        if let training = inputs.optional(2), training.elements(as: Bool.self).contains(true) {
            let ratio = inputs.optional(1)?.converted(to: .float64).elements(as: Double.self).first ?? 0.5
            guard ratio == 0 else {
                throw .unsupported("dropout in training mode draws random numbers; set training_mode to false")
            }
        }
        guard outputCount > 1 else { return [data] }
        return [data, Tensor(shape: data.shape, elements: [Bool](repeating: true, count: data.elementCount))]
    }

    /// Applies a function to two tensors with broadcasting; computes in `T` and narrows the result to `type`.
    static func combine<T: Lane>(
        _ left: Tensor, _ right: Tensor, _ lane: T.Type, to type: ElementType, _ body: (T, T) -> T
    ) throws(KernelError) -> Tensor {
        try combine(left, right, lane, body).narrowed(to: type)
    }

    /// Applies a function to two tensors with broadcasting.
    static func combine<T: Lane, Target: TensorElement>(
        _ left: Tensor, _ right: Tensor, _ lane: T.Type, _ body: (T, T) -> Target
    ) throws(KernelError) -> Tensor {
        let dimensions = try Broadcasting.shape(of: [left.shape, right.shape])
        let shape = try KernelShapes.output(dimensions, Target.elementType)
        let walk = StridedWalk(
            dimensions: dimensions,
            strides: [
                Broadcasting.strides(of: left.shape, in: dimensions),
                Broadcasting.strides(of: right.shape, in: dimensions),
            ])
        let count = walk.rowCount
        let steps = walk.rowStrides
        var values: [Target] = []
        values.reserveCapacity(shape.elementCount)
        left.widened(to: lane).withElements(as: lane) { first in
            right.widened(to: lane).withElements(as: lane) { second in
                walk.forEachRow { offsets in
                    var a = offsets[0]
                    var b = offsets[1]
                    for _ in 0..<count {
                        values.append(body(first[a], second[b]))
                        a &+= steps[0]
                        b &+= steps[1]
                    }
                }
            }
        }
        return Tensor(shape: shape, elements: values)
    }
}
