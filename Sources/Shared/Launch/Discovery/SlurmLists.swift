/// The short forms in which Slurm writes lists.
public enum SlurmLists {
    /// The longest text that is read, in bytes.
    public static let maximumBytes = 65_536
    /// The most entries that a list may stand for.
    public static let maximumEntries = 65_536
    /// The longest name of a host, in bytes.
    public static let maximumNameBytes = 253

    /// Why a list cannot be read.
    public struct Failure: Error, Hashable, Sendable {
        /// The reason.
        public let reason: String
    }

    /// The hosts of a node list such as `n[0-3,07],m1` or `rack[1-2]node[01-16]`, in its order.
    ///
    /// - Throws: `Failure` when the text is no node list or stands for more than `maximumEntries` hosts.
    public static func hosts(_ text: String) throws(Failure) -> [String] {
        let bytes = try checked(text)
        var hosts: [String] = []
        var reader = Reader(bytes: bytes)
        repeat {
            let names = try reader.names()
            guard hosts.count + names.count <= maximumEntries else { throw tooMany }
            for name in names {
                guard name.utf8.count <= maximumNameBytes else {
                    throw Failure(reason: "a host's name is longer than \(maximumNameBytes) bytes")
                }
            }
            hosts += names
        } while reader.take(",")
        try reader.expectEnd()
        return hosts
    }

    /// The number of tasks of each node, from a text such as `2(x3),1`.
    ///
    /// - Throws: `Failure` when the text is no such list.
    public static func taskCounts(_ text: String) throws(Failure) -> [Int] {
        var reader = Reader(bytes: try checked(text))
        var counts: [Int] = []
        repeat {
            let count = try reader.number().value
            var repetitions = 1
            if reader.take("(") {
                guard reader.take("x") else { throw Failure(reason: "'(' without 'x'") }
                repetitions = try reader.number().value
                guard reader.take(")") else { throw Failure(reason: "'(' without ')'") }
            }
            guard count >= 1, repetitions >= 1 else { throw Failure(reason: "a count is 0") }
            guard counts.count + repetitions <= maximumEntries else { throw tooMany }
            counts += [Int](repeating: count, count: repetitions)
        } while reader.take(",")
        try reader.expectEnd()
        return counts
    }

    fileprivate static let tooMany = Failure(reason: "it stands for more than \(maximumEntries) entries")

    private static func checked(_ text: String) throws(Failure) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { throw Failure(reason: "it is empty") }
        guard bytes.count <= maximumBytes else { throw Failure(reason: "it has more than \(maximumBytes) bytes") }
        return bytes
    }
}

extension SlurmLists {
    /// Goes through a list byte by byte.
    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard let next, next == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        func expectEnd() throws(Failure) {
            guard let next else { return }
            throw Failure(reason: "'\(Character(Unicode.Scalar(next)))' at character \(position + 1) is unexpected")
        }

        /// One element of the list: text and brackets in any order.
        mutating func names() throws(Failure) -> [String] {
            var names = [""]
            let start = position
            while let byte = next, byte != UInt8(ascii: ",") {
                if take("[") {
                    let numbers = try ranges(factor: names.count)
                    names = names.flatMap { name in numbers.map { name + $0 } }
                } else {
                    guard Self.isName(byte) else { return try unexpected() }
                    names = names.map { $0 + String(Unicode.Scalar(byte)) }
                    position += 1
                }
            }
            guard position > start else { throw Failure(reason: "a name at character \(start + 1) is empty") }
            return names
        }

        private func unexpected() throws(Failure) -> [String] {
            try expectEnd()
            return []
        }

        private static func isName(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }

        /// What stands between brackets: numbers and ranges, each as wide as its first number is written.
        private mutating func ranges(factor: Int) throws(Failure) -> [String] {
            var texts: [String] = []
            repeat {
                let (first, width) = try number()
                let last = take("-") ? try number().value : first
                guard last >= first else { throw Failure(reason: "the range \(first)-\(last) runs backwards") }
                guard texts.count + (last - first + 1) <= maximumEntries / max(factor, 1) else { throw tooMany }
                for value in first...last {
                    let digits = String(value)
                    texts.append(String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits)
                }
            } while take(",")
            guard take("]") else { throw Failure(reason: "'[' without ']'") }
            return texts
        }

        mutating func number() throws(Failure) -> (value: Int, width: Int) {
            let start = position
            var value = 0
            while let byte = next, (48...57).contains(byte) {
                guard position - start < 9 else { throw Failure(reason: "a number has more than 9 digits") }
                value = value * 10 + Int(byte - 48)
                position += 1
            }
            guard position > start else { throw Failure(reason: "a number is missing at character \(start + 1)") }
            return (value, position - start)
        }
    }
}
