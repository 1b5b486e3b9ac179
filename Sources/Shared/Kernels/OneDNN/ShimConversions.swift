package import CKernels

extension StridedShape {
    /// The highest rank that the shim takes.
    package static let maximumRank = Int(TARE_ONEDNN_MAX_RANK)

    /// The shim's form; a scalar becomes one axis of extent 1.
    package var shim: tare_onednn_tensor {
        guard !extents.isEmpty else { return StridedShape(rowMajor: [1]).shim }
        precondition(extents.count <= Self.maximumRank, "A view of rank \(extents.count)")
        return unsafe tare_onednn_tensor_make(
            Int32(extents.count), extents.map(Int64.init), strides.map(Int64.init))
    }
}

/// Copies values into a fixed array of the shim.
package func fill<FixedArray>(_ array: inout FixedArray, _ values: [Int]) {
    unsafe withUnsafeMutableBytes(of: &array) { bytes in
        let elements = unsafe bytes.bindMemory(to: Int64.self)
        precondition(values.count <= elements.count, "\(values.count) spatial axes")
        for (index, value) in values.enumerated() { unsafe elements[index] = Int64(value) }
    }
}

extension tare_onednn_convolution {
    /// A convolution [N, C, spatial...] to [N, M, spatial...], without weights and bias.
    package init(
        source: StridedShape, destination: StridedShape, window: SlidingWindow, groups: Int, isTransposed: Bool = false
    ) {
        unsafe self.init()
        unsafe self.source = source.shim
        unsafe self.destination = destination.shim
        unsafe spatial_rank = Int32(window.kernel.count)
        unsafe fill(&kernel, window.kernel)
        unsafe fill(&strides, window.strides)
        unsafe fill(&dilations, window.dilations)
        unsafe fill(&padding_before, window.paddingBefore)
        unsafe fill(&padding_after, window.paddingAfter)
        unsafe self.groups = Int64(groups)
        unsafe transposed = isTransposed ? 1 : 0
    }
}
