import Graphs
import Tensors

#if canImport(Glibc)
import Glibc
#endif

extension ReferenceKernels {
    /// A function of each element, computed in `Double` and rounded once; of integers only those of which the result is one.
    static func element(_ function: ElementFunction, _ inputs: KernelInputs) throws(KernelError) -> Tensor {
        let input = try inputs.required(0)
        if function == .sign {
            switch input.elementType.lane {
            case .signed:
                return input.widened(to: Int64.self).map(Int64.self) { $0.signum() }.narrowed(to: input.elementType)
            case .unsigned:
                return input.widened(to: UInt64.self).map(UInt64.self) { min($0, 1) }.narrowed(to: input.elementType)
            default: break
            }
        }
        return input.converted(to: .float64).map(Double.self) { value(of: function, $0) }
            .converted(to: input.elementType)
    }

    private static func value(of function: ElementFunction, _ x: Double) -> Double {
        switch function {
        case .sign: x > 0 ? 1 : x < 0 ? -1 : x
        case .sine: sin(x)
        case .cosine: cos(x)
        case .tangent: tan(x)
        case .arcSine: asin(x)
        case .arcCosine: acos(x)
        case .arcTangent: atan(x)
        case .hyperbolicSine: sinh(x)
        case .hyperbolicCosine: cosh(x)
        case .inverseHyperbolicSine: asinh(x)
        case .inverseHyperbolicCosine: acosh(x)
        case .inverseHyperbolicTangent: atanh(x)
        case .selu(let alpha, let gamma): Double(gamma) * (x > 0 ? x : Double(alpha) * expm1(x))
        case .celu(let alpha): max(x, 0) + min(0, Double(alpha) * expm1(x / Double(alpha)))
        case .softsign: x / (1 + x.magnitude)
        case .mish: x * tanh(max(x, 0) + log1p(exp(-x.magnitude)))
        case .swish(let alpha): x / (1 + exp(-Double(alpha) * x))
        case .thresholdedRelu(let alpha): x > Double(alpha) ? x : 0
        case .shrink(let bias, let threshold):
            x < -Double(threshold) ? x + Double(bias) : x > Double(threshold) ? x - Double(bias) : 0
        }
    }
}
