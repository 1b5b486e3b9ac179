internal import Calibration
public import CoordinatorCore
internal import CoordinatorStore
internal import Wire

extension StateIdentifier {
    /// A session as it is kept.
    init(_ session: SessionID) {
        self.init(high: session.high, low: session.low)
    }
}

extension WorkerDevice {
    /// A device as it is kept.
    init(_ device: Device) {
        self.init(node: device.node, rank: device.localRank)
    }
}

extension Device {
    /// A device that was kept.
    init(_ device: WorkerDevice) {
        self.init(node: device.node, localRank: device.rank)
    }
}

extension JobEnd {
    /// The end of a job without a result.
    init(_ failure: JobFailure) {
        let state: CoordinatorStore.JobState
        if case .cancelled = failure { state = .cancelled } else { state = .failed }
        self.init(state: state, text: failure.description, exitStatus: failure.exitStatus)
    }
}

extension JobFailure {
    /// What a command that waited for the job exits with, as in `sysexits.h`.
    public var exitStatus: Int {
        switch self {
        case .cancelled: 75
        case .data, .poison: 65
        case .shard, .losses, .conversion: 70
        case .workers: 69
        case .store: 74
        }
    }
}
