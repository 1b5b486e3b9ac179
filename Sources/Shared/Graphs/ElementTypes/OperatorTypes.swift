public import Tensors

/// Which element types the inputs of an operator may have: what type inference refuses before there are data, and what
/// kernels rely on.
public struct OperatorTypes: Hashable, Sendable {
    /// An input that has a type which the operator does not take.
    public struct Refusal: Error, Hashable, Sendable {
        /// Position of the input.
        public let input: Int
        /// Its type.
        public let type: ElementType
        /// The types that it may have, in the order of `ElementType`.
        public let allowed: [ElementType]
    }

    private let first: [InputTypes]
    /// What the inputs after these are, again and again; `same(as:)` counts from the first of each round.
    private let following: [InputTypes]

    init(_ first: InputTypes..., following: [InputTypes] = [.any]) {
        self.first = first
        self.following = following
    }

    /// The types of input `index`.
    public subscript(index: Int) -> InputTypes {
        if first.indices.contains(index) { return first[index] }
        let place = (index - first.count) % following.count
        return following[place].moved(by: index - place)
    }

    /// Checks the types of inputs; `nil` is an absent input, or one about which nothing is known.
    ///
    /// - Throws: `Refusal` for the first input that has a wrong type.
    public func check(_ types: [ElementType?]) throws(Refusal) {
        for (index, type) in types.enumerated() {
            guard let type else { continue }
            let wanted = self[index]
            if !wanted.allowed.contains(type) {
                throw Refusal(input: index, type: type, allowed: ElementType.allCases.filter(wanted.allowed.contains))
            }
            if let other = wanted.sameAs, types.indices.contains(other), let leader = types[other], leader != type {
                throw Refusal(input: index, type: type, allowed: [leader])
            }
        }
    }
}

extension OperatorTypes.Refusal: CustomStringConvertible {
    /// For example `input 1 is int64 but may be float32 or float16; insert a Cast`.
    public var description: String {
        let names = allowed.map(\.rawValue)
        let list = names.count > 1 ? names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "") : names[0]
        return "input \(input) is \(type) but must be \(list); insert a Cast"
    }
}
