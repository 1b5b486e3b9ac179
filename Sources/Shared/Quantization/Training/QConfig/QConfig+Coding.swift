extension QConfig {
    /// The keys in a file.
    private enum Part: String, CaseIterable {
        case weightObserver = "weight_observer"
        case actObserver = "act_observer"
        case weightFakeQuant = "weight_fake_quant"
        case actFakeQuant = "act_fake_quant"

        var key: RecipeKey { RecipeKey(rawValue) }
    }

    /// Reads the name of a preset, or up to four recipes: `weight_observer`, `act_observer`, `weight_fake_quant`, `act_fake_quant`.
    ///
    /// - Throws: `DecodingError`, which names the key and what is accepted.
    public init(from decoder: any Decoder) throws {
        if let single = try? decoder.singleValueContainer(), let name = try? single.decode(String.self) {
            do {
                try self.init(preset: name)
            } catch {
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(codingPath: decoder.codingPath, debugDescription: error.description))
            }
            return
        }
        let recipe = try RecipeDecoder(decoder, name: "a preset's name, or weight_observer, act_observer, ...")
        try recipe.checkKeys(Part.allCases.map(\.rawValue), of: "a qconfig")
        self.init(
            weightObserver: try recipe.recipe(Part.weightObserver.rawValue, ObserverSpecification.self),
            actObserver: try recipe.recipe(Part.actObserver.rawValue, ObserverSpecification.self),
            weightFakeQuant: try recipe.recipe(Part.weightFakeQuant.rawValue, FakeQuantSpecification.self),
            actFakeQuant: try recipe.recipe(Part.actFakeQuant.rawValue, FakeQuantSpecification.self))
    }

    /// Writes the recipes that there are.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: RecipeKey.self)
        try container.encodeIfPresent(weightObserver, forKey: Part.weightObserver.key)
        try container.encodeIfPresent(actObserver, forKey: Part.actObserver.key)
        try container.encodeIfPresent(weightFakeQuant, forKey: Part.weightFakeQuant.key)
        try container.encodeIfPresent(actFakeQuant, forKey: Part.actFakeQuant.key)
    }
}
