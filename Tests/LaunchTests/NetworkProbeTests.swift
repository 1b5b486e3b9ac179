import Foundation
import Launch
import Testing
import Wire

/// The way to an address, step by step.
@Suite struct NetworkProbeTests {
    @Test func numericAddressesNeedNoNameServer() throws {
        #expect(try NetworkProbe.addresses(of: "127.0.0.1") == ["127.0.0.1"])
        #expect(try NetworkProbe.addresses(of: "[::1]") == ["::1"])
        #expect(throws: NetworkProbe.Failure.self) { try NetworkProbe.addresses(of: "no..such..host") }
    }

    @Test func listenersAreFoundAndOthersNot() throws {
        let socket = try ZeroMQSocket(.router, .control)
        let endpoint = try socket.bind(try Endpoint("tcp://127.0.0.1:*"))
        try NetworkProbe.connect(to: endpoint, timeout: .seconds(5))
        #expect {
            // Port 1 of the loopback: nobody listens there.
            try NetworkProbe.connect(to: try Endpoint("tcp://127.0.0.1:1"), timeout: .seconds(5))
        } throws: { "\($0)".contains("refused") }
    }

    @Test func socketsInTheFileSystem() throws {
        let path = "/tmp/tare-probe-\(UUID().uuidString)"
        #expect(throws: NetworkProbe.Failure.self) {
            try NetworkProbe.connect(to: try Endpoint("ipc://\(path)"), timeout: .seconds(1))
        }
        let socket = try ZeroMQSocket(.router, .control)
        _ = try socket.bind(try Endpoint("ipc://\(path)"))
        try NetworkProbe.connect(to: try Endpoint("ipc://\(path)"), timeout: .seconds(1))
    }
}
