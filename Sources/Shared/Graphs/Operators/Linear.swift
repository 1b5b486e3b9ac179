/// Attributes of `Gemm`: `alpha * A' * B' + beta * C`.
public struct GemmAttributes: Hashable, Sendable {
    /// Factor of the product.
    public var alpha: Float
    /// Factor of the third input.
    public var beta: Float
    /// Whether input A is [K, M] instead of [M, K].
    public var transposeA: Bool
    /// Whether input B is [N, K] instead of [K, N].
    public var transposeB: Bool

    /// Makes attributes; the defaults are those of ONNX.
    public init(alpha: Float = 1, beta: Float = 1, transposeA: Bool = false, transposeB: Bool = false) {
        self.alpha = alpha
        self.beta = beta
        self.transposeA = transposeA
        self.transposeB = transposeB
    }
}
