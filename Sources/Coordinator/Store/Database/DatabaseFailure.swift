internal import GRDB
internal import Glibc

extension StateStoreError {
    /// Says what an error of SQLite means for the state.
    ///
    /// - Parameters:
    ///   - error: What was thrown.
    ///   - operation: What was going on, for messages.
    ///   - path: The file.
    ///   - systemCode: `errno` of the system call that failed in SQLite.
    init(_ error: any Error, operation: String, path: String, systemCode: Int32 = 0) {
        switch error {
        case let error as StateStoreError: self = error
        case let error as StateStoreRefusal: self = .refused(error)
        case let error as DamagedRow:
            self = .damaged(file: path, reason: "a row of table \(error.table) was changed (\(error.key))")
        case let error as DatabaseError:
            self.init(sqlite: error, operation: operation, path: path, systemCode: systemCode)
        default: self = .broken(operation: operation, path: path, reason: "\(error)")
        }
    }

    private init(sqlite error: DatabaseError, operation: String, path: String, systemCode: Int32) {
        let reason = "\(error.message ?? "no reason given") (SQLite error \(error.extendedResultCode.rawValue))"
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_NOMEM: self = .full(path: path, reason: reason)
        case .SQLITE_IOERR where [ENOSPC, EDQUOT].contains(systemCode): self = .full(path: path, reason: reason)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT: self = .damaged(file: path, reason: reason)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(directory: path, holder: nil)
        default: self = .broken(operation: operation, path: path, reason: reason)
        }
    }
}
