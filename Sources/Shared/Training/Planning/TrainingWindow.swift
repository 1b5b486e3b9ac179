import Graphs

/// Kernel, strides, dilations and padding of a convolution or pooling, one entry per spatial axis.
struct TrainingWindow {
    var kernel: [Int]
    var strides: [Int]
    /// Distances between the elements of the window; 1 is dense.
    var dilations: [Int]
    var before: [Int]
    var after: [Int]

    /// Resolves the padding of a window that slides over an input; the padding after an axis becomes what the output implies.
    ///
    /// - Returns: `nil` when the numbers of axes do not fit.
    init?(kernel: [Int], strides: [Int], dilations: [Int], padding: WindowPadding, input: [Int], output: [Int]) {
        let rank = kernel.count
        self.kernel = kernel
        self.strides = strides.isEmpty ? [Int](repeating: 1, count: rank) : strides
        self.dilations = dilations.isEmpty ? [Int](repeating: 1, count: rank) : dilations
        before = [Int](repeating: 0, count: rank)
        after = before
        guard self.strides.count == rank, self.dilations.count == rank, input.count == rank, output.count == rank,
            (1...3).contains(rank)
        else { return nil }
        switch padding {
        case .valid: break
        case .explicit(let given, _): if !given.isEmpty { before = given }
        case .sameUpper, .sameLower:
            for axis in 0..<rank {
                let total = max(reach(axis, windows: output[axis]) - input[axis], 0)
                before[axis] = padding == .sameUpper ? total / 2 : total - total / 2
            }
        }
        guard before.count == rank else { return nil }
        for axis in 0..<rank { after[axis] = reach(axis, windows: output[axis]) - input[axis] - before[axis] }
    }

    /// Resolves the padding of a transposed convolution, whose window slides over the output.
    init?(transposed attributes: TransposedConvolutionAttributes, kernel: [Int], input: [Int], output: [Int]) {
        let rank = kernel.count
        let convolution = attributes.convolution
        self.kernel = kernel
        strides = convolution.strides.isEmpty ? [Int](repeating: 1, count: rank) : convolution.strides
        dilations = convolution.dilations.isEmpty ? [Int](repeating: 1, count: rank) : convolution.dilations
        before = [Int](repeating: 0, count: rank)
        after = before
        let extra = attributes.outputPadding.isEmpty ? before : attributes.outputPadding
        guard strides.count == rank, dilations.count == rank, extra.count == rank, input.count == rank,
            output.count == rank, (1...3).contains(rank)
        else { return nil }
        for axis in 0..<rank {
            let total = reach(axis, windows: input[axis]) + extra[axis] - output[axis]
            guard total >= 0 else { return nil }
            switch convolution.padding {
            case .explicit(let given, _) where attributes.outputShape == nil:
                guard given.isEmpty || given.count == rank else { return nil }
                before[axis] = given.isEmpty ? 0 : given[axis]
            case .valid: before[axis] = 0
            case .sameUpper: before[axis] = total / 2
            case .explicit, .sameLower: before[axis] = total - total / 2
            }
        }
        for axis in 0..<rank { after[axis] = reach(axis, windows: input[axis]) - output[axis] - before[axis] }
    }

    /// Elements from the first to the last that so many windows cover.
    private func reach(_ axis: Int, windows: Int) -> Int {
        (windows - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
    }
}
