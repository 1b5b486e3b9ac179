import Tensors

extension DecodedSample {
    /// Refuses a sample with an element that is not a number or infinite.
    ///
    /// One such element would make every range behind it useless, and only here its origin is still known.
    ///
    /// - Throws: `DatasetError.badSample` naming the input and the first such element, in row-major order.
    public func requireFinite() throws(DatasetError) {
        for (input, tensor) in tensors.sorted(by: { $0.key < $1.key }) where tensor.elementType == .float32 {
            let found = tensor.withElements(as: Float.self) { elements -> (index: Int, value: Float)? in
                for index in elements.indices where !elements[index].isFinite { return (index, elements[index]) }
                return nil
            }
            if let found {
                let what = found.value.isNaN ? "NaN" : "an infinity"
                throw .badSample(
                    sample: name,
                    reason:
                        "input '\(input)' has \(what) at element \(found.index); repair or remove the sample, or leave "
                        + "it out with --on-bad-sample skip")
            }
        }
    }
}
