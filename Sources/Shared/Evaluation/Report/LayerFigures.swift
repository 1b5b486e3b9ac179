public import Calibration

extension ResultManifest.Evaluation.Layer {
    /// The numbers of a layer.
    init(_ layer: EvaluatedLayer, _ statistics: LayerStatistics) {
        self.init(
            value: layer.value, node: layer.node, operator: layer.operatorName, isOutput: layer.isOutput,
            own: ResultManifest.Evaluation.Errors(statistics.own),
            total: ResultManifest.Evaluation.Errors(statistics.total), inheritedShare: statistics.inheritedShare,
            quantizedTypes: layer.quantizers.map(\.type), saturatedShare: statistics.saturatedShare)
    }
}

extension ResultManifest.Evaluation.Errors {
    /// The numbers of a comparison: decibels rounded to 4 decimals, the cosine to 9.
    public init(_ statistics: ErrorStatistics) {
        let decibels = statistics.signalToNoiseDecibels
        self.init(
            sqnrDecibels: decibels.isFinite ? decibels.rounded(decimals: 4) : nil,
            cosine: statistics.cosine?.rounded(decimals: 9), maximumError: statistics.maximumError,
            elements: statistics.compared, notFinite: statistics.omitted == 0 ? nil : statistics.omitted)
    }
}

extension LayerStatistics {
    /// Part of the total error power that the layer's own error does not explain, 0 to 1, rounded to 6 decimals.
    ///
    /// - Returns: `nil` without an error, or when the layer alone gave nothing to compare.
    var inheritedShare: Double? {
        let (own, total) = (own.error.doubleValue, total.error.doubleValue)
        guard total > 0, self.own.compared > 0 else { return nil }
        return max(0, 1 - own / total).rounded(decimals: 6)
    }

    /// Share of the quantized elements that are clamped, rounded to 9 decimals; `nil` where nothing is quantized.
    public var saturatedShare: Double? {
        quantized == 0 ? nil : (Double(saturated) / Double(quantized)).rounded(decimals: 9)
    }
}

extension Double {
    /// Without the digits that depend on a mathematics library's last bit.
    fileprivate func rounded(decimals: Int) -> Double {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        return (self * scale).rounded() / scale
    }
}
