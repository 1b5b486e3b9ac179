extension ObserverState {
    /// Scale and zero point of what was seen; those of nothing are epsilon and the integer nearest to zero.
    ///
    /// A histogram of MegEngine's or PyTorch's form is searched each time.
    ///
    /// - Throws: `nothingSet` for a passive observer before `setQuantParameters`.
    public func quantParameters() throws(ObserverError) -> QParams {
        let dtype = specification.dtype
        var range = extremes
        switch statistics {
        case .extremes, .averages: break
        case .ranged(let histogram):
            if let observed = histogram.ranges.range {
                range = HistogramRangeSearch.select(histogram, in: observed, levels: Int(dtype.stepCount) + 1)
            }
        case .lattice(let histogram):
            let isSymmetric = specification.mode == .symmetric
            if let best = histogram.selectRange(steps: Double(dtype.stepCount), isSymmetric: isSymmetric) {
                range = (best.minimum, best.maximum)
            }
        case .passive(let passive):
            guard let passive else { throw .nothingSet }
            return passive.parameters
        }
        return QParams(
            minimum: range?.minimum ?? 0, maximum: range?.maximum ?? 0, dtype: dtype, mode: specification.mode,
            epsilon: specification.epsilon)
    }

    /// Sets a passive observer; the scale becomes the original one too.
    ///
    /// - Throws: For other observers, for a scale that is not positive, for other integers than the observer's, and for a zero point
    ///   that does not fit the mode.
    public mutating func setQuantParameters(_ parameters: QParams) throws(ObserverError) {
        guard case .passive = statistics else { throw .noOwnParameters }
        let dtype = specification.dtype
        guard parameters.dtype == dtype else { throw .dtype(parameters.dtype, expected: dtype) }
        guard parameters.scale > 0, parameters.scale.isFinite else { throw .scale(parameters.scale) }
        switch parameters.mode {
        case .symmetric:
            guard parameters.zeroPoint == nil else { throw .zeroPoint(parameters.zeroPoint, dtype) }
        case .asymmetric:
            guard let zeroPoint = parameters.zeroPoint, (dtype.minimum...dtype.maximum).contains(zeroPoint) else {
                throw .zeroPoint(parameters.zeroPoint, dtype)
            }
        }
        statistics = .passive(PassiveParameters(parameters: parameters, originalScale: parameters.scale))
    }

    /// Changes the scale of a passive observer that was set; the original scale stays.
    ///
    /// - Throws: For other observers, before `setQuantParameters`, and for a scale that is not positive.
    public mutating func setScale(_ scale: Float) throws(ObserverError) {
        guard case .passive(let passive) = statistics else { throw .noOwnParameters }
        guard var passive else { throw .nothingSet }
        guard scale > 0, scale.isFinite else { throw .scale(scale) }
        passive.parameters.scale = scale
        statistics = .passive(passive)
    }

    /// The scale that a passive observer was set to first; `nil` for others and before.
    public var originalScale: Float? {
        guard case .passive(let passive) = statistics else { return nil }
        return passive?.originalScale
    }
}
