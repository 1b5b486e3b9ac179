import Calibration
import Foundation
import Testing

@testable import CoordinatorStore

@Suite struct BlobStoreTests {
    private static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) } }

    @Test func bytesComeBackUnderTheirDigest() throws {
        let folder = try StoreFolder()
        let content = Self.content(5000)
        let digest = try folder.open().blobs.put(content)
        let blobs = try folder.open().blobs
        #expect(digest == ContentDigest(of: content))
        #expect(try blobs.bytes(digest) == content)
        #expect(try blobs.size(digest) == 5000)
        let blob = try blobs.open(digest)
        #expect(try blob.read(at: 4990, count: 100) == Array(content[4990...]))
        #expect(try blob.read(at: 6000, count: 1) == [])
        #expect(failure { _ = try blob.read(at: -1, count: 1) } != nil)
        let absent = ContentDigest(of: [1])
        #expect(try !blobs.contains(absent))
        #expect(failure { _ = try blobs.open(absent) } == .refused(.missingBlobs([absent])))
        let path = "\(folder.state)/blobs/\(digest.hexadecimal.prefix(2))/\(digest.hexadecimal)"
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func onlyThisUserMayRead() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let digest = try store.blobs.put([1, 2, 3])
        let modes = try [
            folder.state, folder.database, folder.log, "\(folder.state)/blobs",
            "\(folder.state)/blobs/\(digest.hexadecimal.prefix(2))/\(digest.hexadecimal)",
        ].map { try FileManager.default.attributesOfItem(atPath: $0)[.posixPermissions] as? Int }
        #expect(modes == [0o700, 0o600, 0o600, 0o700, 0o600])
    }

    @Test func aFileIsCopiedAndCompared() throws {
        let folder = try StoreFolder()
        let blobs = try folder.open().blobs
        let content = Self.content(BlobStore.pieceBytes * 2 + 77)
        let source = folder.path + "/source"
        try write(content, to: source)
        let other = ContentDigest(of: [9])
        #expect(
            failure { _ = try blobs.ingest(file: source, expecting: other) }
                == .refused(.digestMismatch(expected: other, found: ContentDigest(of: content))))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.state + "/uploads") == [])
        let digest = try blobs.ingest(file: source)
        try FileManager.default.removeItem(atPath: source)
        #expect(try blobs.bytes(digest) == content)
        // A source that is missing is no reason to end the store.
        guard case .broken = failure({ _ = try blobs.ingest(file: source) }) else {
            Issue.record("A missing file was copied")
            return
        }
        _ = try blobs.put([1])
    }

    @Test func uploadsResumeAfterARestart() throws {
        let folder = try StoreFolder()
        let content = Self.content(3000)
        let digest = ContentDigest(of: content)
        do {
            let upload = try folder.open().blobs.upload(digest, size: 3000)
            try upload.append(Array(content[..<1000]))
            try upload.append(Array(content[1000..<1500]))
        }
        let blobs = try folder.open().blobs
        do {
            let upload = try blobs.upload(digest, size: 3000)
            #expect(upload.received == 1500)
            #expect(failure { _ = try blobs.upload(digest, size: 3000) } == .refused(.uploadInProgress(digest)))
            #expect(
                failure { try upload.append(Self.content(1501)) }
                    == .refused(.sizeMismatch(digest, expected: 3000, found: 3001)))
            #expect(
                failure { try upload.finish() } == .refused(.sizeMismatch(digest, expected: 3000, found: 1500)))
            try upload.append(Array(content[1500...]))
            #expect(try !blobs.contains(digest))
            try upload.finish()
            try upload.finish()
        }
        #expect(try blobs.bytes(digest) == content)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.state + "/uploads") == [])
    }

    @Test func anUploadOfOtherBytesStartsAnew() throws {
        let folder = try StoreFolder()
        let blobs = try folder.open().blobs
        let digest = ContentDigest(of: [1, 2, 3])
        let upload = try blobs.upload(digest, size: 3)
        try upload.append([3, 2, 1])
        #expect(
            failure { try upload.finish() }
                == .refused(.digestMismatch(expected: digest, found: ContentDigest(of: [3, 2, 1]))))
        #expect(upload.received == 0)
        try upload.append([1, 2, 3])
        try upload.finish()
        #expect(try blobs.bytes(digest) == [1, 2, 3])
    }

    @Test func aChangedBlobIsNoticed() throws {
        let folder = try StoreFolder()
        let store = try folder.open()
        let digest = try store.blobs.put(Self.content(100))
        var changed = Self.content(100)
        changed[50] ^= 1
        try write(changed, to: "\(folder.state)/blobs/\(digest.hexadecimal.prefix(2))/\(digest.hexadecimal)")
        guard case .damaged(let file, _) = failure({ _ = try store.blobs.bytes(digest) }) else {
            Issue.record("A changed blob was read")
            return
        }
        #expect(file.hasSuffix(digest.hexadecimal))
    }

    @Test func whatNoJobNamesIsRemovedAtTheStart() throws {
        let folder = try StoreFolder()
        let (needed, given, orphan): (ContentDigest, ContentDigest, ContentDigest)
        do {
            let store = try folder.open()
            needed = try store.blobs.put([1])
            given = try store.blobs.put([2])
            orphan = try store.blobs.put([3])
            try store.blobs.upload(ContentDigest(of: [4]), size: 1).append([4])
            var submission = StateStore.submission(shards: 1)
            submission.blobs = [needed]
            let job = try store.submit(submission).job
            try store.recordEnd(
                job: job, JobEnd(state: .failed, exitStatus: 65), results: [JobResult(name: "report", digest: given)])
        }
        try write([0], to: folder.state + "/uploads/77-1.tmp")
        let modified = Int(Date().timeIntervalSince1970) * 1000
        let young = try folder.open { $0.wallClock = { modified } }
        #expect(try young.blobs.contains(orphan))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.state + "/uploads").count == 1)
    }

    @Test func whatNoJobNamesIsRemovedWhenItIsOld() throws {
        let folder = try StoreFolder()
        let (needed, orphan): (ContentDigest, ContentDigest)
        do {
            let store = try folder.open()
            (needed, orphan) = (try store.blobs.put([1]), try store.blobs.put([3]))
            try store.blobs.upload(ContentDigest(of: [4]), size: 1).append([4])
            var submission = StateStore.submission(shards: 1)
            submission.blobs = [needed]
            _ = try store.submit(submission)
        }
        let later = (Int(Date().timeIntervalSince1970) + 25 * 3600) * 1000
        let store = try folder.open { $0.wallClock = { later } }
        #expect(try store.blobs.contains(needed))
        #expect(try !store.blobs.contains(orphan))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.state + "/uploads") == [])
    }
}
