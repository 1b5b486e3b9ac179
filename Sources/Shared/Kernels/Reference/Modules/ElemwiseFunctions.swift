import Graphs

#if canImport(Glibc)
import Glibc
#endif

/// The functions of `Elemwise` on real numbers.
enum ElemwiseFunctions {
    /// The value of a function; operands that it does not take are ignored.
    static func value(of mode: ElemwiseMode, _ x: Double, _ y: Double, _ z: Double) -> Double {
        switch mode.operandCount {
        case 1: unary(mode, x)
        case 2: binary(mode, x, y)
        default: ternary(mode, x, y, z)
        }
    }

    private static func unary(_ mode: ElemwiseMode, _ x: Double) -> Double {
        switch mode {
        case .relu: max(x, 0)
        case .abs: abs(x)
        case .acos: Glibc.acos(x)
        case .asin: Glibc.asin(x)
        case .ceil: x.rounded(.up)
        case .cos: Glibc.cos(x)
        case .exp: Glibc.exp(x)
        case .expm1: Glibc.expm1(x)
        case .floor: x.rounded(.down)
        case .log: Glibc.log(x)
        case .log1p: Glibc.log1p(x)
        case .negate: -x
        case .sigmoid: sigmoid(x)
        case .sin: Glibc.sin(x)
        case .tanh: Glibc.tanh(x)
        case .fastTanh: fastTanh(x)
        case .round: x.rounded(.toNearestOrAwayFromZero)
        case .erf: Glibc.erf(x)
        case .erfinv: inverse(of: Glibc.erf, at: x)
        case .erfc: Glibc.erfc(x)
        case .erfcinv: inverse(of: Glibc.erf, at: 1 - x)
        case .hSwish: hSwish(x)
        case .hSigmoid: min(max(x + 3, 0), 6) / 6
        case .silu: x * sigmoid(x)
        case .gelu: 0.5 * x * (1 + Glibc.erf(x * 0.7071067811865476))
        case .softplus: softplus(x)
        case .logSigmoid: -softplus(-x)
        case .relu6: min(max(x, 0), 6)
        default: further(mode, x)
        }
    }

    private static func further(_ mode: ElemwiseMode, _ x: Double) -> Double {
        switch mode {
        case .sqrt: x.squareRoot()
        case .square: x * x
        case .sign: x > 0 ? 1 : x < 0 ? -1 : x
        case .sinh: Glibc.sinh(x)
        case .cosh: Glibc.cosh(x)
        case .asinh: Glibc.asinh(x)
        case .acosh: Glibc.acosh(x)
        case .atanh: Glibc.atanh(x)
        case .tan: Glibc.tan(x)
        default: .nan
        }
    }

    private static func binary(_ mode: ElemwiseMode, _ x: Double, _ y: Double) -> Double {
        switch mode {
        case .add: x + y
        case .sub: x - y
        case .mul: x * y
        case .min: min(x, y)
        case .max: max(x, y)
        case .trueDiv: x / y
        case .floorDiv: (x / y).rounded(.down)
        case .mod: fmod(x, y)
        case .pow: Glibc.pow(x, y)
        case .atan2: Glibc.atan2(x, y)
        // The larger part is taken out so that the exponential cannot overflow.
        case .logSumExp: max(x, y) + Glibc.log1p(Glibc.exp(-abs(x - y)))
        case .lt: x < y ? 1 : 0
        case .leq: x <= y ? 1 : 0
        case .eq: x == y ? 1 : 0
        case .switchGt0: x > 0 ? y : 0
        case .absGrad: x > 0 ? y : -y
        case .sigmoidGrad: x * (1 - x) * y
        case .tanhGrad: (1 - x * x) * y
        case .fastTanhGrad: fastTanhSlope(x) * y
        case .hSwishGrad: hSwishSlope(x) * y
        case .fuseAddRelu: max(x + y, 0)
        case .fuseAddSigmoid: sigmoid(x + y)
        case .fuseAddTanh: Glibc.tanh(x + y)
        case .fuseAddHSwish: hSwish(x + y)
        default: .nan
        }
    }

    private static func ternary(_ mode: ElemwiseMode, _ x: Double, _ y: Double, _ z: Double) -> Double {
        switch mode {
        case .fuseMulAdd3: x * y + z
        case .condLeqMov: x <= y ? z : 0
        case .condLtMov: x < y ? z : 0
        default: .nan
        }
    }

    // MARK: Parts

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + Glibc.exp(-x)) }
    private static func hSwish(_ x: Double) -> Double { x * min(max(x + 3, 0), 6) / 6 }
    private static func softplus(_ x: Double) -> Double { max(x, 0) + Glibc.log1p(Glibc.exp(-abs(x))) }

    private static func fastTanh(_ x: Double) -> Double {
        let square = x * x
        return x * (27 + square) / (27 + 9 * square)
    }

    /// The slope of `fastTanh` at a point whose function value is not needed.
    private static func fastTanhSlope(_ x: Double) -> Double {
        let square = x * x
        let below = 27 + 9 * square
        return ((27 + 3 * square) * below - x * (27 + square) * 18 * x) / (below * below)
    }

    private static func hSwishSlope(_ x: Double) -> Double { x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6 }

    /// The inverse of an increasing odd function with the range (-1, 1), by bisection to the last bit.
    private static func inverse(of function: (Double) -> Double, at value: Double) -> Double {
        guard abs(value) <= 1 else { return .nan }
        if abs(value) == 1 { return value * .infinity }
        var (low, high) = (-6.0, 6.0)
        while true {
            let middle = (low + high) / 2
            if middle <= low || middle >= high { return middle }
            if function(middle) < value { low = middle } else { high = middle }
        }
    }
}
