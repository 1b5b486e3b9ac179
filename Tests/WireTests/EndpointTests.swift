import Testing

@testable import Wire

@Suite struct EndpointTests {
    @Test(arguments: ["", "tcp://", "tcp://host", "tcp://:7788", "tcp://h:99999", "http://h:1", "ipc://"])
    func nonsenseIsRefused(text: String) {
        #expect(throws: ZeroMQError.self) { try Endpoint(text) }
    }

    @Test func aPathThatTheKernelWouldCutIsRefused() {
        #expect(throws: ZeroMQError.self) { try Endpoint("ipc:///" + String(repeating: "x", count: 107)) }
    }

    @Test func theDataSocketIsBesideTheControlSocket() throws {
        #expect(try Endpoint("tcp://127.0.0.1:7788").companion().text == "tcp://127.0.0.1:7789")
        #expect(try Endpoint("tcp://127.0.0.1:*").companion().text == "tcp://127.0.0.1:*")
        #expect(try Endpoint("ipc:///tmp/x/control").companion().text == "ipc:///tmp/x/control.data")
    }

    @Test func theHostIsTheOneTheWorkerCameBy() throws {
        let told = try Endpoint("tcp://127.0.0.1:7789").withoutHost
        #expect(try told.resolved(against: Endpoint("tcp://node7:7788")).text == "tcp://node7:7789")
        #expect(try Endpoint("ipc:///a").withoutHost.resolved(against: Endpoint("ipc:///b")).text == "ipc:///a")
    }

    @Test(arguments: ["tcp://0.0.0.0:7788", "tcp://*:7788", "tcp://192.168.1.4:7788", "tcp://node7:7788"])
    func otherMachinesAreNotServedWithoutEncryption(text: String) throws {
        let socket = try ZeroMQSocket(.router, .control)
        #expect(throws: ZeroMQError.self) { try socket.bind(Endpoint(text)) }
    }
}
