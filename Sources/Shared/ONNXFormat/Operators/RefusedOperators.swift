/// Operators of ONNX that Tare knows and refuses.
enum RefusedFamily {
    /// Why an operator is refused, by its name.
    static let reasons: [String: String] = {
        var reasons: [String: String] = [:]
        for (names, reason) in groups {
            for name in names { reasons[name] = reason }
        }
        return reasons
    }()

    private static let groups: [(names: [String], reason: String)] = [
        (
            ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"],
            "it draws random numbers, with which calibration would not give the same twice; "
                + "export the model for inference, or with the numbers as a constant or an input"
        ),
        (
            [
                "ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase",
                "SequenceInsert", "SequenceLength", "SequenceMap", "SplitToSequence",
            ], "its values are sequences of tensors; export the model with one tensor, by Concat and Split"
        ),
        (
            ["Optional", "OptionalGetElement", "OptionalHasElement"],
            "its values may be absent at run time; export the model for one of the two cases"
        ),
        (
            ["RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"],
            "it works on text, which is not calibrated; do it before the model"
        ),
        (["ImageDecoder"], "it reads a compressed image; give the model its pixels, as the datasets of Tare do"),
        (
            ["BitCast"],
            "it gives the bits of one element type to another, which no calibrated model needs; do it before"
        ),
        (["TensorScatter"], "it updates a cache between runs; export the model without a cache"),
    ]
}
