/// What calls a function that a model file defines.
struct LocalFunction: Hashable {
    /// Domain of the operator.
    let domain: String
    /// Name of the operator.
    let name: String
    /// Tells apart functions of one name; usually empty.
    let overload: String

    /// What errors call it.
    var description: String {
        let qualified = domain.isEmpty ? name : "\(domain)::\(name)"
        return overload.isEmpty ? qualified : "\(qualified):\(overload)"
    }
}

/// The operators that a model file defines by graphs of others.
struct FunctionLibrary {
    private var functions: [LocalFunction: Onnx_FunctionProto] = [:]

    /// Indexes the functions of a model.
    init(_ protos: [Onnx_FunctionProto]) throws(ONNXImportError) {
        for proto in protos {
            let key = LocalFunction(
                domain: GraphImporter.canonicalDomain(proto.domain), name: proto.name, overload: proto.overload)
            guard functions.updateValue(proto, forKey: key) == nil else {
                throw .invalidValue(name: key.description, reason: "the model defines this function twice")
            }
        }
    }

    /// The function that a node calls; `nil` when the model defines none.
    func function(calledBy node: Onnx_NodeProto) -> (key: LocalFunction, proto: Onnx_FunctionProto)? {
        let key = LocalFunction(
            domain: GraphImporter.canonicalDomain(node.domain), name: node.opType, overload: node.overload)
        return functions[key].map { (key, $0) }
    }
}
