/// Hands out names that nothing else has.
final class UniqueNames {
    private var taken: Set<String>
    /// The number to go on with, by name, so that many equal names do not all start from the first one.
    private var nextNumbers: [String: Int] = [:]

    init(taken: Set<String>) {
        self.taken = taken
    }

    /// The name itself when it is free, else with the first free number after it.
    func unique(_ name: String) -> String {
        if taken.insert(name).inserted { return name }
        var number = nextNumbers[name, default: 1]
        while !taken.insert("\(name)_\(number)").inserted { number += 1 }
        nextNumbers[name] = number + 1
        return "\(name)_\(number)"
    }
}
