/// The module of a training framework from which a node was exported.
///
/// PyTorch's exporter writes it into each node (`pkg.torch.onnx.name_scopes` and `pkg.torch.onnx.class_hierarchy`); a program that
/// builds a graph can set it too. It names the parameters in state dictionaries and tells a user's own class from the
/// class that it extends.
public struct ModuleOrigin: Hashable, Sendable {
    /// Attribute names from the outermost module on, joined by dots: `layer1.0.conv1`.
    public var path: String
    /// Name of the module's class without its Python module: `Conv2d`, or `IConv` for a user's own.
    public var className: String
    /// The Python module that defines the class, `torch.nn.modules.conv`; empty when unknown.
    public var package: String

    /// Describes a module.
    public init(path: String, className: String, package: String = "") {
        self.path = path
        self.className = className
        self.package = package
    }
}
