import Foundation
import Launch
import Synchronization
import Testing
import Wire

/// The file by which workers find a coordinator on a shared file system.
@Suite struct AddressFileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "tare-launch-\(UUID().uuidString)")
    private let file: AddressFile

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        file = AddressFile(path: folder.appending(path: "address.json").path)
    }

    private func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    private func address(
        _ text: String = "tcp://n0:7788", key: String? = nil, job: String? = nil
    ) throws -> CoordinatorAddress {
        CoordinatorAddress(coordinator: try Endpoint(text), serverKey: key, job: job, process: 12)
    }

    @Test func whatIsWrittenIsRead() throws {
        defer { remove() }
        #expect(try file.read() == nil)
        let first = try address(key: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", job: "17")
        try file.write(first)
        #expect(try file.read() == first)
        // A file of an earlier run is replaced.
        let second = try address("ipc:///tmp/socket")
        try file.write(second)
        #expect(try file.read() == second)
        // Only the coordinator that wrote it removes it.
        file.remove(first)
        #expect(try file.read() == second)
        file.remove(second)
        #expect(try file.read() == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func missingFolderIsAnError() throws {
        defer { remove() }
        let nowhere = AddressFile(path: folder.appending(path: "none/address.json").path)
        let address = try address()
        #expect(throws: AddressFileError.self) { try nowhere.write(address) }
        #expect(throws: AddressFileError.self) { try nowhere.checkWritable() }
        try file.checkWritable()
    }

    @Test(arguments: [
        "", "{", "[]", "null", #"{"format":"tare-address-1"}"#,
        #"{"format":"tare-address-2","coordinator":"tcp://a:1","host":"h","process":1}"#,
        #"{"format":"tare-address-1","coordinator":"tcp://*:1","host":"h","process":1}"#,
        #"{"format":"tare-address-1","coordinator":"tcp://a:0","host":"h","process":1}"#,
        #"{"format":"tare-address-1","coordinator":"http://a","host":"h","process":1}"#,
        #"{"format":"tare-address-1","coordinator":"tcp://a:1","host":"h","process":1,"server_key":"short"}"#,
        #"{"format":"tare-address-1","coordinator":"tcp://a:1","host":"h","process":1,"server_key":"#
            + #""'''''''''''''''''''''''''''''''''''''''"}"#,
        String(repeating: " ", count: 20_000),
    ])
    func filesThatAreNone(_ text: String) throws {
        defer { remove() }
        try Data(text.utf8).write(to: URL(filePath: file.path))
        #expect {
            _ = try file.read()
        } throws: { error in
            "\(error)".contains("it is no address file") && "\(error)".contains(file.path)
        }
    }

    @Test func waitingTakesTheFirstFileThatAnswers() async throws {
        defer { remove() }
        try file.write(try address("tcp://old:1", job: "16"))
        let (current, alive) = (try address("tcp://dead:1", job: "17"), try address("tcp://alive:1", job: "17"))
        let probes = Mutex(0)
        let file = file
        // Another job's file first; then one whose coordinator has died; then the right one.
        async let found = file.wait(
            job: "17", timeout: .seconds(60),
            probe: { address in
                guard address == current else { return nil }
                let isFirst = probes.withLock { count in
                    count += 1
                    return count == 1
                }
                if isFirst { try? file.write(alive) }
                return "connection refused"
            }, progress: { _ in })
        try file.write(current)
        #expect(try await found == alive)
        #expect(probes.withLock { $0 } == 1)
    }

    @Test func timeIsLimitedAndTheReasonSaid() async throws {
        defer { remove() }
        await #expect {
            _ = try await file.wait(job: nil, timeout: .zero, probe: { _ in nil }, progress: { _ in })
        } throws: { "\($0)".contains("it does not exist after 0 s") }
        try file.write(try address(job: "16"))
        await #expect {
            _ = try await file.wait(job: "17", timeout: .zero, probe: { _ in nil }, progress: { _ in })
        } throws: { "\($0)".contains("it is of another job, 16") }
        await #expect {
            _ = try await file.wait(job: nil, timeout: .zero, probe: { _ in "refused" }, progress: { _ in })
        } throws: { "\($0)".contains("nobody answers at tcp://n0:7788: refused") }
    }

    @Test func advertisedAddresses() throws {
        #expect(try CoordinatorAddress.advertised(Endpoint("tcp://10.0.0.1:7788")).text == "tcp://10.0.0.1:7788")
        #expect(try CoordinatorAddress.advertised(Endpoint("tcp://0.0.0.0:77")).text == "tcp://\(HostName.current):77")
        #expect(try CoordinatorAddress.advertised(Endpoint("tcp://0.0.0.0:77"), as: "pub").text == "tcp://pub:77")
        #expect(try CoordinatorAddress.advertised(Endpoint("ipc:///a"), as: "pub").text == "ipc:///a")
    }
}
