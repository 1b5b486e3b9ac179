internal import Calibration
internal import Foundation
internal import GRDB

/// A table whose rows each carry a seal over their own values, because SQLite does not notice a changed bit in a value.
struct SealedTable {
    let name: String
    /// Columns under the seal, in order.
    let columns: [String]
    /// A column beside the seal: bytes whose digest is under it.
    var bytesColumn: String?

    /// Adds a row.
    func insert(_ values: [any DatabaseValueConvertible], bytes: [UInt8]? = nil, into database: Database) throws {
        let values = values.map(\.databaseValue)
        let extra = bytesColumn.map { [$0] } ?? []
        let names = columns + ["seal"] + extra
        let marks = Array(repeating: "?", count: names.count).joined(separator: ", ")
        let statement = try database.cachedStatement(
            sql: "INSERT INTO \(name) (\(names.joined(separator: ", "))) VALUES (\(marks))")
        var arguments = values + [seal(values).databaseValue]
        if let bytes { arguments.append(Data(bytes).databaseValue) }
        try statement.execute(arguments: StatementArguments(arguments))
    }

    /// The rows that fulfil a condition, each compared with its seal; the bytes column is not among them.
    func rows(
        _ database: Database, where condition: String = "TRUE", _ arguments: [any DatabaseValueConvertible] = [],
        order: String
    ) throws -> [SealedRow] {
        let statement = try database.cachedStatement(
            sql: "SELECT \((columns + ["seal"]).joined(separator: ", ")) FROM \(name) WHERE \(condition) "
                + "ORDER BY \(order)")
        let rows = try Row.fetchAll(statement, arguments: StatementArguments(arguments.map(\.databaseValue)))
        return try rows.map { row in
            let values = Array(row.databaseValues)
            guard Data.fromDatabaseValue(values[columns.count]) == seal(values.dropLast()) else {
                throw DamagedRow(table: name, key: values.prefix(3).map(\.description).joined(separator: ", "))
            }
            return SealedRow(table: name, values: Array(values.dropLast()))
        }
    }

    /// Eight bytes of the SHA-256 over the table's name and the values.
    private func seal(_ values: some Sequence<DatabaseValue>) -> Data {
        var accumulator = ContentDigest.Accumulator()
        accumulator.append(Array("\(name)\n".utf8))
        for value in values {
            switch value.storage {
            case .null: accumulator.append([0])
            case .int64(let number): accumulator.append([1] + Self.bytes(number))
            case .double(let number): accumulator.append([2] + Self.bytes(Int64(bitPattern: number.bitPattern)))
            case .string(let text):
                accumulator.append([3] + Self.bytes(Int64(text.utf8.count)))
                accumulator.append(Array(text.utf8))
            case .blob(let data):
                accumulator.append([4] + Self.bytes(Int64(data.count)))
                accumulator.append(Array(data))
            }
        }
        return Data(accumulator.digest().bytes.prefix(8))
    }

    private static func bytes(_ number: Int64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}

/// A row whose seal was right.
struct SealedRow {
    let table: String
    private let values: [DatabaseValue]

    init(table: String, values: [DatabaseValue]) {
        self.table = table
        self.values = values
    }

    func integer(_ column: Int) throws -> Int {
        try value(column) { Int.fromDatabaseValue($0) }
    }

    func text(_ column: Int) throws -> String {
        try value(column) { String.fromDatabaseValue($0) }
    }

    func bytes(_ column: Int) throws -> [UInt8] {
        try value(column) { Data.fromDatabaseValue($0).map(Array.init) }
    }

    func digest(_ column: Int) throws -> ContentDigest {
        try value(column) { Data.fromDatabaseValue($0).flatMap { ContentDigest(bytes: Array($0)) } }
    }

    func identifier(_ column: Int) throws -> StateIdentifier {
        try value(column) { Data.fromDatabaseValue($0).flatMap { StateIdentifier(bytes: Array($0)) } }
    }

    private func value<Value>(_ column: Int, _ convert: (DatabaseValue) -> Value?) throws -> Value {
        guard let value = convert(values[column]) else {
            throw DamagedRow(table: table, key: values.prefix(3).map(\.description).joined(separator: ", "))
        }
        return value
    }
}

/// A row that has other values than were written.
struct DamagedRow: Error {
    var table: String
    var key: String
}
