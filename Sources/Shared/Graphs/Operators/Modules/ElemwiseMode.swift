/// The functions of MegEngine's `Elemwise` module, by its names.
///
/// Those of `quantizedModes` exist on integers too; the others are float only.
public enum ElemwiseMode: String, Hashable, Sendable, CaseIterable {
    // One operand.
    case relu = "RELU"
    case abs = "ABS"
    case acos = "ACOS"
    case asin = "ASIN"
    case ceil = "CEIL"
    case cos = "COS"
    case exp = "EXP"
    case expm1 = "EXPM1"
    case floor = "FLOOR"
    case log = "LOG"
    case log1p = "LOG1P"
    case negate = "NEGATE"
    case sigmoid = "SIGMOID"
    case sin = "SIN"
    case tanh = "TANH"
    /// x (27 + x²) / (27 + 9 x²).
    case fastTanh = "FAST_TANH"
    /// Half away from zero.
    case round = "ROUND"
    case erf = "ERF"
    case erfinv = "ERFINV"
    case erfc = "ERFC"
    case erfcinv = "ERFCINV"
    /// x min(max(x + 3, 0), 6) / 6.
    case hSwish = "H_SWISH"
    case silu = "SILU"
    case gelu = "GELU"
    case softplus = "SOFTPLUS"
    case relu6 = "RELU6"
    case hSigmoid = "HSIGMOID"
    case logSigmoid = "LOGSIGMOID"
    case sqrt = "SQRT"
    case square = "SQUARE"
    case sign = "SIGN"
    case sinh = "SINH"
    case cosh = "COSH"
    case asinh = "ASINH"
    case acosh = "ACOSH"
    case atanh = "ATANH"
    case tan = "TAN"
    // Two operands.
    case add = "ADD"
    case sub = "SUB"
    case mul = "MUL"
    case min = "MIN"
    case max = "MAX"
    case trueDiv = "TRUE_DIV"
    case floorDiv = "FLOOR_DIV"
    /// The remainder with the sign of the dividend.
    case mod = "MOD"
    case pow = "POW"
    case atan2 = "ATAN2"
    case logSumExp = "LOG_SUM_EXP"
    case lt = "LT"
    case leq = "LEQ"
    case eq = "EQ"
    /// x > 0 ? y : 0.
    case switchGt0 = "SWITCH_GT0"
    /// x > 0 ? y : -y.
    case absGrad = "ABS_GRAD"
    /// x (1 - x) y.
    case sigmoidGrad = "SIGMOID_GRAD"
    /// (1 - x²) y.
    case tanhGrad = "TANH_GRAD"
    case fastTanhGrad = "FAST_TANH_GRAD"
    case hSwishGrad = "H_SWISH_GRAD"
    case fuseAddRelu = "FUSE_ADD_RELU"
    case fuseAddSigmoid = "FUSE_ADD_SIGMOID"
    case fuseAddTanh = "FUSE_ADD_TANH"
    case fuseAddHSwish = "FUSE_ADD_H_SWISH"
    // Three operands.
    /// x y + z.
    case fuseMulAdd3 = "FUSE_MUL_ADD3"
    /// x <= y ? z : 0.
    case condLeqMov = "COND_LEQ_MOV"
    /// x < y ? z : 0.
    case condLtMov = "COND_LT_MOV"

    /// Finds a mode by its name in any case.
    public init?(named name: String) {
        self.init(rawValue: name.uppercased())
    }

    /// Number of operands.
    public var operandCount: Int {
        switch self {
        case .add, .sub, .mul, .min, .max, .trueDiv, .floorDiv, .mod, .pow, .atan2, .logSumExp, .lt, .leq, .eq,
            .switchGt0, .absGrad, .sigmoidGrad, .tanhGrad, .fastTanhGrad, .hSwishGrad, .fuseAddRelu, .fuseAddSigmoid,
            .fuseAddTanh, .fuseAddHSwish:
            2
        case .fuseMulAdd3, .condLeqMov, .condLtMov: 3
        default: 1
        }
    }

    /// Whether the function exists on integers.
    public var hasQuantizedForm: Bool {
        switch self {
        case .silu, .gelu, .softplus, .relu6, .hSigmoid, .logSigmoid, .sqrt, .square, .sign, .sinh, .cosh, .asinh,
            .acosh, .atanh, .tan:
            false
        default: true
        }
    }
}
