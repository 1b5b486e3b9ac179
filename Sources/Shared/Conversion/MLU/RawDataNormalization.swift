public import Graphs

extension Graph {
    /// The float graph with the normalization of raw data that modules of its run model do themselves (`firstconv`), so that
    /// both take the same data.
    ///
    /// - Parameter runModel: What `mluRunModel` made of this graph.
    /// - Returns: The graph; unchanged when no module normalizes.
    public func normalizingRawData(as runModel: Graph) -> Graph {
        var graph = self
        var names = NameSource(self)
        for module in runModel.nodes {
            guard case .mlu = module.op, let data = module.input(.data),
                let mean = module.input(.inputMean).flatMap({ runModel.initializers[$0] }),
                let deviation = module.input(.inputStd).flatMap({ runModel.initializers[$0] }),
                let position = graph.nodes.firstIndex(where: { $0.name == module.name })
            else { continue }
            let (meanName, deviationName) = (names.unused(data + "_mean"), names.unused(data + "_std"))
            graph.initializers[meanName] = mean
            graph.initializers[deviationName] = deviation
            let centring = Node(
                name: names.unused(data + "_Sub"), op: .binary(.subtract), inputs: [data, meanName],
                outputs: [names.unused(data + "_centred")])
            let scaling = Node(
                name: names.unused(data + "_Div"), op: .binary(.divide), inputs: [centring.outputs[0], deviationName],
                outputs: [names.unused(data + "_normalized")])
            graph.nodes[position].inputs[0] = scaling.outputs[0]
            graph.nodes.insert(contentsOf: [centring, scaling], at: position)
        }
        return graph
    }
}
