/// The words of a `tare worker` command line.
struct WorkerArguments {
    /// Options that the supervisor sets anew for each worker, or that are its own.
    private static let supervision: Set<String> = [
        "--coordinator", "--address-file", "--local-rank", "--workers-per-node", "--memory-per-worker",
    ]

    private let words: [String]

    /// Takes the words, beginning with the command.
    init(_ words: [String]) {
        self.words = words
    }

    /// The words without the options that concern the supervisor; every other option is the workers' too.
    var withoutSupervision: [String] {
        var result: [String] = []
        var isValue = false
        for word in words {
            if isValue {
                isValue = false
            } else if Self.supervision.contains(word) {
                isValue = true
            } else if !Self.supervision.contains(where: { word.hasPrefix("\($0)=") }) {
                result.append(word)
            }
        }
        return result
    }
}
