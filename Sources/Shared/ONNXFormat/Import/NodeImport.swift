internal import Graphs
internal import Tensors

/// One node of a file on its way into the graph.
struct NodeImport {
    /// Name of the node in the graph.
    let name: String
    /// Version of the node's domain.
    let opset: Int
    /// The attributes.
    var attributes: AttributeReader
    /// Names of the inputs; conversions change them when the newest form of the operator has other inputs.
    var inputs: [String]
    /// Names of the outputs.
    var outputs: [String]
    /// Constants that the conversion adds, in order.
    private(set) var addedConstants: [(name: String, tensor: Tensor)] = []
    /// Constants whose element type must become that of a value: the newest form wants equal types.
    private(set) var typeFollowers: [TypeFollower] = []
    /// Set when the node is a `Softmax` before opset 13, which works on the matrix that flattening at this axis gives.
    var flattenedSoftmaxAxis: Int?

    private let constants: (String) -> Tensor?
    private let isUsed: (String) -> Bool
    private let unique: (String) -> String

    /// Starts with the node as it is in the file.
    ///
    /// `constants` looks up an initializer by name, `isUsed` says whether a value is read by a node or leaves the graph,
    /// `unique` makes a value name that nothing has yet.
    init(
        name: String, opset: Int, proto: Onnx_NodeProto,
        constants: @escaping (String) -> Tensor?,
        isUsed: @escaping (String) -> Bool, unique: @escaping (String) -> String
    ) throws(NodeRefusal) {
        self.name = name
        self.opset = opset
        self.attributes = try AttributeReader(proto)
        self.inputs = proto.input
        self.outputs = proto.output
        self.constants = constants
        self.isUsed = isUsed
        self.unique = unique
    }

    /// A constant whose element type follows that of a value.
    struct TypeFollower {
        let constant: String
        let value: String
    }

    /// Sets input `index` to a new constant, with absent inputs before it where there are none.
    mutating func setInput(_ index: Int, role: String, to tensor: Tensor) {
        let constant = unique("\(name)/\(role)")
        addedConstants.append((constant, tensor))
        while inputs.count <= index { inputs.append("") }
        inputs[index] = constant
    }

    /// The same with integers, as axes and extents are stored.
    mutating func setInput(_ index: Int, role: String, toIntegers integers: [Int]) {
        setInput(index, role: role, to: Tensor(shape: Shape([integers.count]), elements: integers.map(Int64.init)))
    }

    /// The same with a scalar that takes the element type of input 0.
    mutating func setInput(_ index: Int, role: String, toScalar scalar: Float) {
        setInput(index, role: role, to: Tensor(scalar: scalar))
        typeFollowers.append(TypeFollower(constant: inputs[index], value: inputs[0]))
    }

    /// Whether input `index` is there.
    func hasInput(_ index: Int) -> Bool {
        inputs.indices.contains(index) && !inputs[index].isEmpty
    }

    /// The constant at input `index`; `nil` when it is absent or computed at run time.
    func constantInput(_ index: Int) -> Tensor? {
        guard hasInput(index) else { return nil }
        return constants(inputs[index])
    }

    /// Whether anything reads output `index`.
    func usesOutput(_ index: Int) -> Bool {
        outputs.indices.contains(index) && !outputs[index].isEmpty && isUsed(outputs[index])
    }

    /// Drops absent inputs at the end, which ONNX allows to be written.
    mutating func trimInputs() {
        while inputs.last == "" { inputs.removeLast() }
    }
}
