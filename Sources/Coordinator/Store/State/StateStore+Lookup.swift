internal import Foundation
internal import GRDB

extension StateStore {
    /// The job that a submission with these random bytes became; `nil` when it is a new one.
    public func job(submittedAs request: StateIdentifier) throws(StateStoreError) -> UInt64? {
        try database.read("look for a submission") { database in
            try StateSchema.jobs.rows(database, where: "request = ?", [Data(request.bytes)], order: "job").first
                .map { UInt64(try $0.integer(0)) }
        }
    }

    /// Free bytes of the file system of the state directory.
    public func freeBytes() throws(StateStoreError) -> Int {
        try blobs.availableBytes()
    }
}
