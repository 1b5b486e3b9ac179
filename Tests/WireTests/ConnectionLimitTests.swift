import Testing

@testable import Wire

/// The rule itself; that a process keeps to it when strangers take all they can is tested by `Tests/Faults`, case strangers.
@Suite struct ConnectionLimitTests {
    @Test(arguments: [(64, 32), (256, 32), (1024, 128), (65536, 256)])
    func connectionsLeaveAnEighthOfTheDescriptors(limit: Int, reserved: Int) {
        #expect(ConnectionLimit.reservedDescriptors(limit: limit) == reserved)
    }

    @Test func nothingIsRefusedWhileThereIsRoom() {
        #expect(ConnectionLimit.refusedConnections == 0)
    }
}
