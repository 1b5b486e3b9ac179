/// A part of a model, written in Swift: it holds layers and other modules in properties and says how values flow through them.
///
/// ```swift
/// struct BasicBlock: Module {
///     let conv1 = ConvBnRelu2d(16, 16, 3, padding: 1, bias: false)
///     let conv2 = ConvBn2d(16, 16, 3, padding: 1, bias: false)
///     let addRelu = Elemwise("FUSE_ADD_RELU")
///
///     func forward(_ x: Value) -> Value { addRelu(conv2(conv1(x)), x) }
/// }
/// ```
///
/// A layer's path, under which its parameters lie in state dictionaries, is made of the names of the properties that lead to it:
/// `layer1.0.conv1`. Elements of arrays are numbered, entries of dictionaries named by their keys.
public protocol Module {
    /// Lets a value flow through.
    func forward(_ x: Value) -> Value
}

extension Module {
    /// Lets a value flow through.
    public func callAsFunction(_ x: Value) -> Value { forward(x) }

    /// Keeps the module and everything in it in floating point when the model is converted.
    ///
    /// - Returns: The module, so that it can be wrapped where it is made: `let fc = Linear(64, 10).disableQuantize()`.
    @discardableResult
    public func disableQuantize(_ value: Bool = true) -> Self {
        LayerNaming.forEachLayer(in: self, path: "") { layer, _ in layer.disablesQuantization = value }
        return self
    }
}

/// Modules one after the other; their paths are their numbers.
public struct Sequential: Module {
    /// The modules.
    public let modules: [any Module]

    /// Makes a chain.
    public init(_ modules: any Module...) { self.modules = modules }

    /// Makes a chain.
    public init(_ modules: [any Module]) { self.modules = modules }

    /// Lets a value flow through all of them.
    public func forward(_ x: Value) -> Value {
        modules.reduce(x) { $1.forward($0) }
    }
}

/// Passes values on.
public struct Identity: Module {
    /// Makes one.
    public init() {}

    /// The value itself.
    public func forward(_ x: Value) -> Value { x }
}
