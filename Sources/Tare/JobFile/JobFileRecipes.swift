import Quantization
import Yams

/// The recipes of a job file: `qconfig` is one, `qconfig-for` has one for each pattern.
///
/// A recipe is the name of a preset, a file relative to the job file, or the recipe's own keys.
struct JobFileRecipes {
    /// Path of the job file.
    let path: String
    /// The failure of the key, for a reason.
    let failure: (String) -> CommandFailure

    /// The words that stand for a key's value.
    ///
    /// - Throws: `CommandFailure` that names the key of the recipe that is wrong.
    func words(_ value: Node, of argument: ParserDescription.Argument) throws -> [String] {
        guard argument.isRepeating else { return [try word(value)] }
        if let mapping = value.mapping {
            return try mapping.map { pattern, recipe in
                guard let name = pattern.scalar?.string, !name.isEmpty else { throw failure("has an empty pattern") }
                return "\(name)=\(try word(recipe))"
            }
        }
        let nodes = value.sequence.map(Array.init) ?? [value]
        guard !nodes.isEmpty else { throw failure("has an empty list") }
        return try nodes.map { node in
            let other = try RecipeOverride(try text(node))
            return "\(other.pattern)=\(relative(other.recipe).text)"
        }
    }

    private func word(_ node: Node) throws -> String {
        guard node.mapping != nil else { return relative(RecipeArgument(text: try text(node))).text }
        do {
            return try RecipeArgument(YAMLDecoder().decode(QConfig.self, from: node)).text
        } catch DecodingError.dataCorrupted(let context) {
            throw failure("is no recipe: \(context.debugDescription)")
        } catch {
            throw failure("is no recipe: \(error)")
        }
    }

    private func text(_ node: Node) throws -> String {
        guard let text = node.scalar?.string, !text.isEmpty, node.null == nil else {
            throw failure("takes recipes: names of presets, files, or their keys")
        }
        return text
    }

    private func relative(_ recipe: RecipeArgument) -> RecipeArgument {
        recipe.isFile ? RecipeArgument(text: JobFile.path(recipe.text, besides: path)) : recipe
    }
}
