internal import Foundation
internal import Tensors
internal import Wire

/// A file on a shared file system in which a coordinator says where it listens, and with which key.
public struct AddressFile: Hashable, Sendable {
    /// The longest file that is read, in bytes.
    static let maximumBytes = 16_384

    /// Where it is.
    public let path: String

    /// Names a file.
    public init(path: String) {
        self.path = path
    }

    /// Writes the file, in place of an older one of another run; a reader never meets half of it.
    ///
    /// To be called when the sockets are bound.
    ///
    /// - Throws: `AddressFileError` when it cannot be written.
    public func write(_ address: CoordinatorAddress) throws(AddressFileError) {
        do {
            try AtomicFile.write(try address.json(), to: path)
        } catch {
            throw AddressFileError(path: path, reason: .unwritable("\(error)"))
        }
    }

    /// Checks before anything else begins that the file will have a folder it can be written to.
    ///
    /// - Throws: `AddressFileError` when it has not.
    public func checkWritable() throws(AddressFileError) {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw AddressFileError(
                path: path, reason: .unwritable("the folder \(folder) does not exist or may not be written"))
        }
    }

    /// Reads and checks the file.
    ///
    /// - Returns: What it says; `nil` when it is not there.
    /// - Throws: `AddressFileError` when it is no address file.
    public func read() throws(AddressFileError) -> CoordinatorAddress? {
        let bytes: [UInt8]
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            bytes = Array(try handle.read(upToCount: Self.maximumBytes + 1) ?? Data())
        } catch CocoaError.fileReadNoSuchFile, CocoaError.fileNoSuchFile {
            return nil
        } catch {
            throw AddressFileError(path: path, reason: .unreadable("\(error.localizedDescription)"))
        }
        guard bytes.count <= Self.maximumBytes else {
            throw AddressFileError(path: path, reason: .malformed("it is longer than \(Self.maximumBytes) bytes"))
        }
        do {
            return try CoordinatorAddress(json: bytes)
        } catch {
            throw AddressFileError(path: path, reason: .malformed("\(error)"))
        }
    }

    /// Removes the file if it still says this; one that another coordinator wrote since stays.
    public func remove(_ address: CoordinatorAddress) {
        guard let current = try? read(), current == address else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Waits until the file is there, belongs to this run, and somebody listens where it says.
    ///
    /// - Parameters:
    ///   - job: What the launcher calls this job; a file of another job is from an earlier run.
    ///   - timeout: How long to wait.
    ///   - probe: Tries the address; returns why nobody is there.
    ///   - progress: Told after two seconds what is being waited for, and whenever that changes.
    /// - Returns: What the file says.
    /// - Throws: `AddressFileError` with the last reason when the time is over, `CancellationError` when the task is
    ///   cancelled.
    public func wait(
        job: String?, timeout: Duration, probe: (CoordinatorAddress) -> String?, progress: (String) -> Void
    ) async throws -> CoordinatorAddress {
        let start = ContinuousClock.now
        var said: String?
        while true {
            let obstacle: String
            do {
                switch try read() {
                case nil: obstacle = "it does not exist"
                case let address? where job != nil && address.job != nil && address.job != job:
                    obstacle = "it is of another job, \(address.job ?? "")"
                case let address?:
                    guard let reason = probe(address) else { return address }
                    obstacle = "nobody answers at \(address.coordinator): \(reason)"
                }
            } catch {
                obstacle = error.reason.text
            }
            let waited = ContinuousClock.now - start
            guard waited < timeout else {
                throw AddressFileError(path: path, reason: .timeout(timeout, obstacle))
            }
            if waited >= .seconds(2), said != obstacle {
                progress("waiting for the address file \(path): \(obstacle)")
                said = obstacle
            }
            // A network file system tells nobody when a file appears.
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// Why an address file is of no use.
public struct AddressFileError: Error, Sendable, Hashable {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// It cannot be written.
        case unwritable(String)
        /// It cannot be read.
        case unreadable(String)
        /// It is no address file.
        case malformed(String)
        /// It did not become usable in time; with the last reason.
        case timeout(Duration, String)

        var text: String {
            switch self {
            case .unwritable(let text), .unreadable(let text): text
            case .malformed(let text): "it is no address file (\(text))"
            case .timeout(let time, let text): "\(text) after \(time.components.seconds) s"
            }
        }
    }

    /// The file.
    public var path: String
    /// What is wrong.
    public var reason: Reason
}

extension AddressFileError: CustomStringConvertible {
    /// The thing, the reason and the remedy.
    public var description: String {
        switch reason {
        case .unwritable: "The address file \(path) cannot be written: \(reason.text)"
        case .unreadable: "The address file \(path) cannot be read: \(reason.text)"
        case .malformed: "\(path): \(reason.text); give the file that the coordinator writes with --address-file"
        case .timeout:
            "The address file \(path) is of no use: \(reason.text); start the coordinator with --address-file, and check "
                + "that both see the same folder"
        }
    }
}
