public import Graphs

extension Graph {
    /// Keeps modules in floating point through later conversions, or lets them be converted again.
    ///
    /// - Parameters:
    ///   - path: A module's path, or one that several modules lie below.
    ///   - value: Whether they stay in floating point.
    /// - Throws: `ModuleError.unknownPath` when nothing lies there.
    public mutating func disableQuantize(_ path: String, _ value: Bool = true) throws(ModuleError) {
        guard !modules(under: path).isEmpty else { throw .unknownPath(path, available: modulePaths) }
        change(under: path) { $0.disablesQuantization = value }
    }

    /// Lets observers follow their tensors, at a path or everywhere.
    public mutating func enableObserver(under path: String = "") { setObservers(true, path) }

    /// Lets observers rest.
    public mutating func disableObserver(under path: String = "") { setObservers(false, path) }

    /// Lets fake quantizers round.
    public mutating func enableFakeQuant(under path: String = "") { setFakeQuants(true, path) }

    /// Lets fake quantizers pass values on.
    public mutating func disableFakeQuant(under path: String = "") { setFakeQuants(false, path) }

    private mutating func setObservers(_ value: Bool, _ path: String) {
        changeSettings(under: path) { settings in
            settings.weightObserverIsEnabled = value
            settings.actObserverIsEnabled = value
        }
    }

    private mutating func setFakeQuants(_ value: Bool, _ path: String) {
        changeSettings(under: path) { settings in
            settings.weightFakeQuantIsEnabled = value
            settings.actFakeQuantIsEnabled = value
        }
    }

    private mutating func changeSettings(under path: String, _ body: (inout QATSettings) -> Void) {
        change(under: path) { module in
            guard case .qat(var settings) = module.family else { return }
            body(&settings)
            module.family = .qat(settings)
        }
    }

    private mutating func change(under path: String, _ body: (inout ModuleOperator) -> Void) {
        for position in nodes.indices {
            guard case .module(var module) = nodes[position].op else { continue }
            let own = nodes[position].modulePath
            guard path.isEmpty || own == path || own.hasPrefix(path + ".") else { continue }
            body(&module)
            nodes[position].op = .module(module)
        }
    }
}
