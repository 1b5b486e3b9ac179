/// Operators that Tare knows and refuses.
enum RandomFamily {
    /// Names of the operators that draw random numbers.
    static let names: Set<String> = [
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    ]

    /// Why they are refused.
    static let reason =
        "it draws random numbers, with which calibration would not give the same twice; "
        + "export the model for inference, or with the numbers as a constant or an input"
}
