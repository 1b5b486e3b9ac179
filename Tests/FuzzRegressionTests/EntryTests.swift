import Foundation
import FuzzEntries
import TestSupport
import Testing

/// The entries reach the readers: an input that is in order is read without a finding.
@Suite struct EntryTests {
    @Test(arguments: [
        (FuzzTarget.npz, "tensors/stored.npz"), (.npz, "tensors/float32.npy"),
        (.safetensors, "tensors/mixed.safetensors"), (.unpickler, "pytorch/nested.pth"), (.images, "images/gray.png"),
        (.images, "images/color_420.jpg"),
    ])
    func wholeFilesAreRead(target: FuzzTarget, path: String) throws {
        try target.read([UInt8](Data(contentsOf: Fixtures.directory.appending(path: path))))
    }

    @Test func everyPrefixOfAFileIsReadOrRefused() throws {
        let bytes = try [UInt8](Data(contentsOf: Fixtures.directory.appending(path: "tensors/mixed.safetensors")))
        for count in stride(from: 0, to: bytes.count, by: 7) {
            try FuzzTarget.safetensors.read(Array(bytes.prefix(count)))
        }
    }
}
