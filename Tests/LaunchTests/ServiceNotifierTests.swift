import Foundation
import Glibc
import Launch
import Testing

/// What systemd hears, by sockets in the file system and abstract ones.
@Suite struct ServiceNotifierTests {
    /// The manager's end: a datagram socket.
    private struct Manager: ~Copyable {
        let name: String
        private let descriptor: Int32

        init(name: String) throws {
            self.name = name
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var bytes = Array(name.utf8)
            let isAbstract = bytes.first == UInt8(ascii: "@")
            if isAbstract { bytes[0] = 0 }
            unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
            let length = socklen_t(2 + bytes.count + (isAbstract ? 0 : 1))
            let descriptor = descriptor
            let code = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(descriptor, $0, length) }
            }
            try #require(code == 0)
        }

        deinit {
            close(descriptor)
            if name.hasPrefix("/") { unsafe unlink(name) }
        }

        func receive() -> String {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
    }

    @Test(arguments: ["/tmp/tare-notify-", "@tare-notify-"])
    func statesAreOneDatagramEach(prefix: String) throws {
        let manager = try Manager(name: prefix + UUID().uuidString)
        let notifier = try #require(ServiceNotifier(variables: ["NOTIFY_SOCKET": manager.name], process: 1))
        try notifier.notify(.ready, .status("serving tcp://n0:7788\nREADY=0"))
        #expect(manager.receive() == "READY=1\nSTATUS=serving tcp://n0:7788 READY=0")
        try notifier.notify(.watchdog)
        #expect(manager.receive() == "WATCHDOG=1")
        try notifier.notify(.stopping)
        #expect(manager.receive() == "STOPPING=1")
    }

    @Test func withoutAManagerThereIsNoNotifier() {
        #expect(ServiceNotifier(variables: [:], process: 1) == nil)
        #expect(ServiceNotifier(variables: ["NOTIFY_SOCKET": ""], process: 1) == nil)
        #expect(ServiceNotifier(variables: ["NOTIFY_SOCKET": "vsock:2:1"], process: 1) == nil)
    }

    @Test func watchdogIsFedTwiceAsOftenAsItWants() {
        let socket = ["NOTIFY_SOCKET": "@x"]
        func interval(_ more: [String: String]) -> Duration? {
            ServiceNotifier(variables: socket.merging(more) { $1 }, process: 12)?.watchdogInterval
        }
        #expect(interval([:]) == nil)
        #expect(interval(["WATCHDOG_USEC": "15000000"]) == .milliseconds(7500))
        #expect(interval(["WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "12"]) == .milliseconds(7500))
        #expect(interval(["WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "13"]) == nil)
        #expect(interval(["WATCHDOG_USEC": "soon"]) == nil)
    }

    @Test func managersThatAreGoneAreReported() throws {
        let gone = try #require(ServiceNotifier(variables: ["NOTIFY_SOCKET": "/tmp/tare-nobody"], process: 1))
        #expect(throws: ServiceNotifier.Failure.self) { try gone.notify(.ready) }
        let long = "/" + String(repeating: "x", count: 200)
        let tooLong = try #require(ServiceNotifier(variables: ["NOTIFY_SOCKET": long], process: 1))
        #expect(throws: ServiceNotifier.Failure.self) { try tooLong.notify(.ready) }
    }
}
