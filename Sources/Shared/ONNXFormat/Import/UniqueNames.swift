/// Hands out names that nothing else has.
final class UniqueNames {
    private var taken: Set<String>

    init(taken: Set<String>) {
        self.taken = taken
    }

    /// The name itself when it is free, else with the first free number after it.
    func unique(_ name: String) -> String {
        var candidate = name
        var number = 1
        while !taken.insert(candidate).inserted {
            candidate = "\(name)_\(number)"
            number += 1
        }
        return candidate
    }
}
