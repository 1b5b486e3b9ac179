/// Why one node cannot be imported.
struct NodeRefusal: Error {
    /// The attribute, or `input 2`.
    let subject: String
    /// What is wrong with it.
    let reason: String

    /// An attribute is missing, malformed or has a value that Tare does not handle.
    static func attribute(_ name: String, _ reason: String) -> NodeRefusal {
        NodeRefusal(subject: "attribute '\(name)'", reason: reason)
    }

    /// An input is malformed or is used in a way that Tare does not handle.
    static func input(_ index: Int, _ reason: String) -> NodeRefusal {
        NodeRefusal(subject: "input \(index)", reason: reason)
    }

    /// An output is used in a way that Tare does not handle.
    static func output(_ index: Int, _ reason: String) -> NodeRefusal {
        NodeRefusal(subject: "output \(index)", reason: reason)
    }
}
