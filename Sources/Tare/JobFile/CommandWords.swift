/// The words of a command line after the command's name, taken apart as far as a job file needs it.
struct CommandWords {
    /// Everything except `--config FILE`.
    private(set) var words: [String] = []
    /// Long names of the options and flags, and the keys of the positional arguments, that were given.
    private(set) var given: Set<String> = []
    /// Values of `--config`.
    private(set) var configurations: [String] = []

    /// Takes words apart.
    init(_ source: [String], parser: ParserDescription) {
        let positionals = parser.arguments.filter { $0.value.kind == .positional }.keys
        var position = 0
        while position < source.count {
            let start = position
            let word = source[position]
            position += 1
            guard word.hasPrefix("-"), word != "-" else {
                given.formUnion(positionals)
                words.append(word)
                continue
            }
            guard word != "--" else {
                if position < source.count { given.formUnion(positionals) }
                words += source[start...]
                return
            }
            let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "")
            given.insert(name)
            if let argument = parser.arguments[name], argument.kind == .option {
                var isSatisfied = parts.count > 1
                while position < source.count, !isSatisfied || argument.takesManyValues,
                    !source[position].hasPrefix("-")
                {
                    position += 1
                    isSatisfied = true
                }
                if name == "config", isSatisfied {
                    configurations.append(parts.count > 1 ? String(parts[1]) : source[start + 1])
                    continue
                }
            }
            words += source[start..<position]
        }
    }
}
