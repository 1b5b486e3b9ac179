/// Kernel, strides, dilations and padding of a convolution or pooling, one entry per spatial axis.
package struct SlidingWindow: Hashable, Sendable {
    /// Extents of the window.
    package var kernel: [Int]
    /// Steps of the window.
    package var strides: [Int]
    /// Distances between the elements of the window; 1 is dense.
    package var dilations: [Int]
    /// Elements added before each axis.
    package var paddingBefore: [Int]
    /// Elements added after each axis.
    package var paddingAfter: [Int]

    /// Describes a window; all lists have one entry per spatial axis.
    package init(kernel: [Int], strides: [Int], dilations: [Int], paddingBefore: [Int], paddingAfter: [Int]) {
        self.kernel = kernel
        self.strides = strides
        self.dilations = dilations
        self.paddingBefore = paddingBefore
        self.paddingAfter = paddingAfter
    }
}
