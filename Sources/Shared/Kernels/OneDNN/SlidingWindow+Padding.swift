package import Graphs

extension SlidingWindow {
    /// Resolves the padding of a window that slides over an input.
    ///
    /// The padding after an axis becomes what the output extents imply, because a ceiling or an odd remainder changes it.
    /// `input` and `output` are spatial extents; `nil` when the numbers of axes do not fit, or the library has none for so many.
    package init?(kernel: [Int], strides: [Int], dilations: [Int], padding: WindowPadding, input: [Int], output: [Int])
    {
        let rank = kernel.count
        let steps = strides.isEmpty ? [Int](repeating: 1, count: rank) : strides
        let gaps = dilations.isEmpty ? [Int](repeating: 1, count: rank) : dilations
        guard steps.count == rank, gaps.count == rank, input.count == rank, output.count == rank,
            (1...3).contains(rank),
            steps.allSatisfy({ $0 > 0 }), gaps.allSatisfy({ $0 > 0 })
        else { return nil }
        var before = [Int](repeating: 0, count: rank)
        switch padding {
        case .valid: break
        case .explicit(let given, let after):
            if !given.isEmpty { before = given }
            guard after.isEmpty || after.count == rank else { return nil }
        case .sameUpper, .sameLower:
            for axis in 0..<rank {
                let total = max((output[axis] - 1) * steps[axis] + (kernel[axis] - 1) * gaps[axis] + 1 - input[axis], 0)
                before[axis] = padding == .sameUpper ? total / 2 : total - total / 2
            }
        }
        guard before.count == rank else { return nil }
        var after = [Int](repeating: 0, count: rank)
        for axis in 0..<rank {
            let extent = (kernel[axis] - 1) * gaps[axis] + 1
            after[axis] = (output[axis] - 1) * steps[axis] + extent - input[axis] - before[axis]
        }
        self.init(kernel: kernel, strides: steps, dilations: gaps, paddingBefore: before, paddingAfter: after)
    }

    /// Resolves the padding of a transposed convolution, whose output window slides over the output.
    package init?(transposed attributes: TransposedConvolutionAttributes, kernel: [Int], input: [Int], output: [Int]) {
        let convolution = attributes.convolution
        let rank = kernel.count
        let ones = [Int](repeating: 1, count: rank)
        let steps = convolution.strides.isEmpty ? ones : convolution.strides
        let gaps = convolution.dilations.isEmpty ? ones : convolution.dilations
        let extra = attributes.outputPadding.isEmpty ? [Int](repeating: 0, count: rank) : attributes.outputPadding
        guard steps.count == rank, gaps.count == rank, extra.count == rank, input.count == rank, output.count == rank,
            (1...3).contains(rank)
        else { return nil }
        var before = [Int](repeating: 0, count: rank)
        for axis in 0..<rank {
            let full = steps[axis] * (input[axis] - 1) + extra[axis] + (kernel[axis] - 1) * gaps[axis] + 1
            let total = full - output[axis]
            switch convolution.padding {
            case .explicit(let given, _) where attributes.outputShape == nil:
                guard given.isEmpty || given.count == rank else { return nil }
                before[axis] = given.isEmpty ? 0 : given[axis]
            case .valid: before[axis] = 0
            case .sameUpper: before[axis] = total / 2
            case .explicit, .sameLower: before[axis] = total - total / 2
            }
            guard total >= 0 else { return nil }
        }
        var after = [Int](repeating: 0, count: rank)
        for axis in 0..<rank {
            let extent = (kernel[axis] - 1) * gaps[axis] + 1
            after[axis] = (input[axis] - 1) * steps[axis] + extent - output[axis] - before[axis]
        }
        self.init(kernel: kernel, strides: steps, dilations: gaps, paddingBefore: before, paddingAfter: after)
    }
}
