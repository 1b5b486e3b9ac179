import CAcceptLimit
import Testing

@testable import Wire

/// The rule itself; that a process keeps to it when strangers take all they can is tested by `Tests/Faults`, case strangers.
@Suite struct ConnectionLimitTests {
    @Test(arguments: [(64, 32), (256, 32), (1024, 128), (65536, 256)] as [(UInt64, UInt64)])
    func connectionsLeaveAnEighthOfTheDescriptors(limit: UInt64, reserved: UInt64) {
        #expect(tare_reserved_descriptors(limit) == reserved)
    }

    @Test func nothingIsRefusedWhileThereIsRoom() {
        #expect(ConnectionLimit.refusedConnections == 0)
    }
}
