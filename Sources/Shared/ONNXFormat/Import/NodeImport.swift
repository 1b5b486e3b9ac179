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
    /// What is known about each input of the file's node; only for conversions that ask for it.
    let inputTypes: [TensorType?]
    /// Nodes in front of the node's own, for an operator that is several of the graph's.
    private(set) var addedNodes: [Node] = []
    /// Constants that the conversion adds, in order.
    private(set) var addedConstants: [(name: String, tensor: Tensor)] = []
    /// Constants whose element type must become that of a value: the newest form wants equal types.
    private(set) var typeFollowers: [TypeFollower] = []
    /// Set when the node is a `Softmax` or `Hardmax` before opset 13, which works on the matrix that flattening at this axis gives.
    var flattenedSoftmaxAxis: Int?

    private let constants: (String) -> Tensor?
    private let isUsed: (String) -> Bool
    private let unique: (String) -> String

    /// Starts with the node as it is in the file.
    ///
    /// `constants` looks up an initializer by name, `isUsed` says whether a value is read by a node or leaves the graph,
    /// `unique` makes a value name that nothing has yet.
    init(
        name: String, opset: Int, proto: Onnx_NodeProto, inputTypes: [TensorType?],
        constants: @escaping (String) -> Tensor?,
        isUsed: @escaping (String) -> Bool, unique: @escaping (String) -> String
    ) throws(NodeRefusal) {
        self.name = name
        self.opset = opset
        self.attributes = try AttributeReader(proto)
        self.inputs = proto.input
        self.outputs = proto.output
        self.inputTypes = inputTypes
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
        let constant = constant(tensor, role: role)
        while inputs.count <= index { inputs.append("") }
        inputs[index] = constant
    }

    /// The same with integers, as axes and extents are stored.
    mutating func setInput(_ index: Int, role: String, toIntegers integers: [Int]) {
        setInput(index, role: role, to: Self.list(integers))
    }

    /// The same with a scalar that takes the element type of input 0.
    mutating func setInput(_ index: Int, role: String, toScalar scalar: Float) {
        setInput(index, role: role, to: Tensor(scalar: scalar))
        typeFollowers.append(TypeFollower(constant: inputs[index], value: inputs[0]))
    }

    private static func list(_ integers: [Int]) -> Tensor {
        Tensor(shape: Shape([integers.count]), elements: integers.map(Int64.init))
    }

    // MARK: Operators that are several of the graph's

    /// Adds a constant and gives its name.
    mutating func constant(_ tensor: Tensor, role: String) -> String {
        let constant = unique("\(name)/\(role)")
        addedConstants.append((constant, tensor))
        return constant
    }

    /// Adds a list of integers, as axes and extents are stored, and gives its name.
    mutating func constant(_ integers: [Int], role: String) -> String {
        constant(Self.list(integers), role: role)
    }

    /// Adds a scalar that takes the element type of value `leader`, and gives its name.
    mutating func scalar(_ scalar: Float, role: String, like leader: String) -> String {
        let constant = constant(Tensor(scalar: scalar), role: role)
        typeFollowers.append(TypeFollower(constant: constant, value: leader))
        return constant
    }

    /// Adds a node in front of the node's own, with the name of the node and of the part.
    ///
    /// - Returns: The value that it writes: `output`, or one that is named as the node is.
    @discardableResult mutating func add(
        _ op: Operator, _ inputs: [String], part: String, output: String? = nil
    ) -> String {
        let value = output ?? unique("\(name)/\(part)")
        addedNodes.append(Node(name: "\(name)/\(part)", op: op, inputs: inputs, outputs: [value]))
        return value
    }

    /// Adds a node in front of the node's own that writes one value for each of `parts`.
    mutating func add(_ op: Operator, _ inputs: [String], part: String, parts: [String]) -> [String] {
        let values = parts.map { unique("\(name)/\($0)") }
        addedNodes.append(Node(name: "\(name)/\(part)", op: op, inputs: inputs, outputs: values))
        return values
    }

    /// The node's own operator, with other inputs than the file's node has, and only the first output.
    mutating func finish(_ op: Operator, _ inputs: [String]) -> Operator {
        self.inputs = inputs
        outputs = Array(outputs.prefix(1))
        return op
    }

    /// The name of input `index`; `nil` when it is absent.
    func input(_ index: Int) -> String? {
        hasInput(index) ? inputs[index] : nil
    }

    /// The name of output `index`; `nil` when nothing reads it.
    func wantedOutput(_ index: Int) -> String? {
        usesOutput(index) ? outputs[index] : nil
    }

    /// The extents of input `index` of the file's node.
    func dimensions(_ index: Int) throws(NodeRefusal) -> [Dimension] {
        guard inputTypes.indices.contains(index), let dimensions = inputTypes[index]?.dimensions else {
            throw .input(index, "its rank must be known; run the exporter's shape inference")
        }
        return dimensions
    }

    /// A known extent of input `index` of the file's node; a negative axis counts from the end.
    func extent(_ index: Int, axis: Int) throws(NodeRefusal) -> Int {
        let dimensions = try dimensions(index)
        let position = axis < 0 ? axis + dimensions.count : axis
        guard dimensions.indices.contains(position), let extent = dimensions[position].fixedValue else {
            throw .input(index, "its extent on axis \(axis) must be known; export the model with it fixed")
        }
        return extent
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
