public import Graphs
public import Quantization
import Tensors

extension Graph {
    /// Scale and zero point of a QAT module's weight or result: those of the fake quantizer when it has its own, else those that
    /// follow from what the observer saw.
    ///
    /// - Returns: `nil` when there is neither.
    /// - Throws: `ModuleError` when the state is damaged, or a passive observer was never set.
    public func quantParameters(of node: Node, _ part: ModulePart) throws(ModuleError) -> QParams? {
        guard case .module(let module) = node.op, case .qat(let settings) = module.family else { return nil }
        let (observer, fakeQuant) = settings.qconfig[part]
        do throws(ObserverError) {
            if let fakeQuant, fakeQuant.algorithm != .fakeQuantize {
                let tensors = state(fakeQuant.stateKeys.map { "\(part.rawValue)_fake_quant.\($0)" }, node)
                return try FakeQuantState(fakeQuant, tensors: tensors).quantParameters
            }
            guard let observer else { return nil }
            return try observerState(observer, part, node).quantParameters()
        } catch {
            throw .quantization(path: node.modulePath, reason: "\(part.title): \(error)")
        }
    }

    /// What a module's observer knows; `nil` without one.
    func observerState(of node: Node, _ part: ModulePart) throws(ModuleError) -> ObserverState? {
        guard case .module(let module) = node.op, case .qat(let settings) = module.family,
            let observer = settings.qconfig[part].observer
        else { return nil }
        do {
            return try observerState(observer, part, node)
        } catch {
            throw .quantization(path: node.modulePath, reason: "\(part.title): \(error)")
        }
    }

    private func observerState(
        _ observer: ObserverSpecification, _ part: ModulePart, _ node: Node
    ) throws(ObserverError) -> ObserverState {
        try ObserverState(
            observer, tensors: state(observer.stateKeys.map { "\(part.rawValue)_observer.\($0)" }, node))
    }

    private func state(_ keys: [String], _ node: Node) -> [Tensor] {
        keys.compactMap { node.parameter($0).flatMap { initializers[$0] } }
    }

    // MARK: Modules

    /// The paths of all modules, in node order, each once.
    public var modulePaths: [String] {
        var seen: Set<String> = []
        return nodes.compactMap { node in
            guard case .module = node.op, seen.insert(node.modulePath).inserted else { return nil }
            return node.modulePath
        }
    }

    /// The nodes of the modules at a path or below it; of all modules for an empty path.
    public func modules(under path: String = "") -> [Node] {
        nodes.filter { node in
            guard case .module = node.op else { return false }
            return path.isEmpty || node.modulePath == path || node.modulePath.hasPrefix(path + ".")
        }
    }
}

extension ModulePart {
    /// For messages.
    var title: String {
        switch self {
        case .weight: "weight"
        case .activation: "activation"
        }
    }
}
