import Foundation
import Glibc
import TestSupport
import Testing

@testable import Wire

@Suite struct KeyTests {
    @Test func z85ReadsBackTheSame() throws {
        // The example of ZeroMQ RFC 32.
        let example: [UInt8] = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]
        #expect(Z85.text(example) == "HelloWorld")
        #expect(Z85.bytes("HelloWorld") == example)
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<1000 {
            let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(Z85.bytes(Z85.text(bytes)) == bytes)
        }
        for text in ["Hell", "#####", "Hello World", "Hell\u{e9}", "~~~~~"] { #expect(Z85.bytes(text) == nil) }
    }

    @Test func keyFilesReadBackTheSame() throws {
        let folder = try TemporaryFolder()
        let keys = try KeyPair.generate()
        let paths = try KeyFile.write(keys, name: "\(folder.url.path)/node")
        #expect(try folder.names == ["node.public", "node.secret"])
        #expect(try folder.mode(of: "node.secret") == 0o600)
        #expect(try KeyFile.readSecret(paths.secret) == keys)
        #expect(try KeyFile.readPublic(paths.publicKey) == keys.publicKey)
        #expect(try KeyFile.readPublic(paths.publicKey) == KeyFile.publicKey(fileOrKey: keys.publicKey.text))
        #expect(try KeyFile.publicKey(fileOrKey: paths.publicKey) == keys.publicKey)
    }

    @Test func manyKeysAreAllDifferentAndBeginWithALetterOrDigit() throws {
        let keys = try (0..<200).map { _ in try KeyPair.generate().publicKey.text }
        #expect(Set(keys).count == 200)
        #expect(keys.allSatisfy { $0.first?.isLetter == true || $0.first?.isNumber == true })
    }

    @Test func keyFilesAreNeverOverwritten() throws {
        let folder = try TemporaryFolder()
        let name = "\(folder.url.path)/node"
        let keys = try KeyPair.generate()
        try KeyFile.write(keys, name: name)
        #expect(throws: SecurityError.file(path: "\(name).secret", .exists)) {
            try KeyFile.write(KeyPair.generate(), name: name)
        }
        #expect(try KeyFile.readSecret("\(name).secret") == keys)
        // Nor is half a pair left behind.
        try FileManager.default.removeItem(atPath: "\(name).secret")
        #expect(throws: SecurityError.file(path: "\(name).public", .exists)) {
            try KeyFile.write(KeyPair.generate(), name: name)
        }
        #expect(try folder.names == ["node.public"])
    }

    @Test(arguments: [0o644, 0o640, 0o620, 0o601, 0o700, 0o666])
    func looseModesAreRefused(mode: Int) throws {
        let folder = try TemporaryFolder()
        let path = try KeyFile.write(KeyPair.generate(), name: "\(folder.url.path)/node").secret
        try folder.setMode(mode, of: "node.secret")
        let error = #expect(throws: SecurityError.self) { try KeyFile.readSecret(path) }
        #expect(error?.description.contains("chmod 0600 '\(path)'") == true)
        try folder.setMode(0o400, of: "node.secret")
        #expect(throws: Never.self) { try KeyFile.readSecret(path) }
    }

    @Test func anotherUsersSecretIsRefused() throws {
        guard geteuid() == 0 else {
            FileHandle.standardError.write(
                Data("SKIPPED anotherUsersSecretIsRefused: only root gives files away\n".utf8))
            return
        }
        let folder = try TemporaryFolder()
        let path = try KeyFile.write(KeyPair.generate(), name: "\(folder.url.path)/node").secret
        try FileManager.default.setAttributes([.ownerAccountID: 65_534], ofItemAtPath: path)
        #expect(throws: SecurityError.file(path: path, .owner(65_534))) { try KeyFile.readSecret(path) }
    }

    @Test func otherFilesAreNoKeys() throws {
        let folder = try TemporaryFolder()
        let keys = try KeyPair.generate()
        let other = try KeyPair.generate()
        let paths = try KeyFile.write(keys, name: "\(folder.url.path)/node")
        func file(_ text: String) throws -> String {
            let path = "\(folder.url.path)/file"
            try? FileManager.default.removeItem(atPath: path)
            try KeyFile.create(path, .secret, text: text)
            return path
        }
        for text in [
            "", "hello", "secret", "secret short", "secret \(keys.secret.text)x", "public \(keys.publicKey.text)",
            "secret \(keys.secret.text)\nsecret \(keys.secret.text)", "secret \(keys.secret.text)\nmode 3",
            "secret \(keys.secret.text)\npublic \(other.publicKey.text)",
        ] {
            let error = #expect(throws: SecurityError.self) { try KeyFile.readSecret(file(text)) }
            #expect(error?.description.contains("\(folder.url.path)/file") == true)
            #expect(error?.description.contains(keys.secret.text) == false)
        }
        #expect(try KeyFile.readSecret(file("# alone\nsecret \(keys.secret.text)\n")) == keys)
        #expect(throws: SecurityError.self) { try KeyFile.readPublic(file("secret \(keys.secret.text)")) }
        #expect(throws: SecurityError.file(path: "/nowhere/key", .missing)) { try KeyFile.readSecret("/nowhere/key") }
        #expect(throws: SecurityError.self) { try KeyFile.readSecret(folder.url.path) }
        #expect(throws: SecurityError.file(path: "nowhere.public", .missing)) {
            try KeyFile.publicKey(fileOrKey: "nowhere.public")
        }
        try folder.setMode(0o664, of: "node.public")
        #expect(throws: SecurityError.file(path: paths.publicKey, .modes(found: 0o664, allowed: 0o644))) {
            try KeyFile.readPublic(paths.publicKey)
        }
    }

    @Test func secretsDoNotReachDescriptions() throws {
        let keys = try KeyPair.generate()
        var text = "\(keys) \(keys.secret) \(String(reflecting: keys))"
        dump(keys, to: &text)
        #expect(!text.contains(keys.secret.text) && text.contains(keys.publicKey.text))
    }
}
