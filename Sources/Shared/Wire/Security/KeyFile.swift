internal import Glibc

/// Key files: `NAME.secret` with both keys, for its owner's eyes only, and `NAME.public` with the public one.
public enum KeyFile {
    /// Bytes of the longest file that is read.
    static let maximumBytes = 1 << 20

    /// Who may get at a file.
    enum Privacy {
        /// Its owner alone, who is this user.
        case secret
        /// Anybody may read it; only its owner, who is this user or root, may change it.
        case published

        /// Mode bits that must not be set.
        var forbidden: UInt32 { self == .secret ? 0o177 : 0o022 }
        /// The mode to recommend.
        var mode: UInt32 { self == .secret ? 0o600 : 0o644 }
    }

    /// Writes `NAME.secret` (mode 0600) and `NAME.public` (mode 0644); neither is ever overwritten.
    ///
    /// - Returns: The paths.
    /// - Throws: `SecurityError`; then neither file is there that was not there before.
    @discardableResult
    public static func write(
        _ keys: KeyPair, name: String
    ) throws(SecurityError) -> (secret: String, publicKey: String) {
        let paths = (secret: "\(name).secret", publicKey: "\(name).public")
        try create(
            paths.secret, .secret,
            text: """
                # Secret key of Tare. Whoever has this file is its owner to the cluster: keep it at mode 0600.
                secret \(keys.secret.text)
                public \(keys.publicKey.text)

                """)
        do {
            try create(
                paths.publicKey, .published, text: "# Public key of Tare.\npublic \(keys.publicKey.text)\n")
        } catch {
            unsafe unlink(paths.secret)
            throw error
        }
        return paths
    }

    /// Writes an allow list that did not exist.
    ///
    /// - Throws: `SecurityError`, also when the file exists.
    public static func writeAuthorizedKeys(_ keys: AuthorizedKeys, to path: String) throws(SecurityError) {
        let lines = keys.entries.map { "\($0)\n" }
        try create(
            path, .published,
            text: "# Who may connect: KEY ROLE NAME [max-sessions=N]; the roles are worker, submitter, viewer.\n"
                + lines.joined())
    }

    /// Reads a secret key's file.
    ///
    /// - Throws: `SecurityError` also when others than its owner, who must be this user, can read it.
    public static func readSecret(_ path: String) throws(SecurityError) -> KeyPair {
        let text = try read(path, .secret)
        let fields = try fields(text, path: path)
        guard let secret = fields["secret"] else {
            throw .file(path: path, .content("it has no line 'secret KEY'; give the .secret file"))
        }
        let keys: KeyPair
        do {
            keys = try KeyPair(secret: secret)
        } catch .malformedKey {
            throw .file(path: path, .content("its line 'secret KEY' holds no key; make new keys with 'tare keygen'"))
        }
        guard fields["public"] == nil || fields["public"] == keys.publicKey.text else {
            throw .file(path: path, .content("its public key does not belong to its secret key"))
        }
        return keys
    }

    /// Reads a public key's file.
    ///
    /// - Throws: `SecurityError` also when others than its owner can change it.
    public static func readPublic(_ path: String) throws(SecurityError) -> PublicKey {
        let text = try read(path, .published)
        guard let key = try fields(text, path: path)["public"] else {
            throw .file(path: path, .content("it has no line 'public KEY'; give the .public file"))
        }
        do {
            return try PublicKey(key)
        } catch {
            throw .file(path: path, .content("its line 'public KEY' holds no key"))
        }
    }

    /// The key that a command-line argument names: a file, or the key itself.
    ///
    /// - Throws: `SecurityError` when it is neither.
    public static func publicKey(fileOrKey text: String) throws(SecurityError) -> PublicKey {
        if unsafe access(text, F_OK) == 0 { return try readPublic(text) }
        do {
            return try PublicKey(text)
        } catch {
            throw text.utf8.count == PublicKey.characters ? error : .file(path: text, .missing)
        }
    }

    /// The lines `NAME VALUE`; comments begin with `#`.
    private static func fields(_ text: String, path: String) throws(SecurityError) -> [String: String] {
        var result: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let words = line.split(separator: " ", omittingEmptySubsequences: true)
            guard words.count == 2, ["secret", "public"].contains(words[0]), result[String(words[0])] == nil else {
                throw .file(path: path, .content("it is no key file of Tare"))
            }
            result[String(words[0])] = String(words[1])
        }
        return result
    }

    /// Reads a small text file whose owner and modes are as they must be; it may be a link to one.
    static func read(_ path: String, _ privacy: Privacy) throws(SecurityError) -> String {
        // Not to wait when it is a pipe; what is opened is what is checked.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .file(path: path, errno == ENOENT || errno == ENOTDIR ? .missing : fault("opening it"))
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .file(path: path, fault("looking at it")) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .file(path: path, .content("it is not a regular file")) }
        guard status.st_uid == geteuid() || (status.st_uid == 0 && privacy == .published) else {
            throw .file(path: path, .owner(status.st_uid))
        }
        guard status.st_mode & privacy.forbidden == 0 else {
            throw .file(path: path, .modes(found: status.st_mode & 0o7777, allowed: privacy.mode))
        }
        guard status.st_size <= maximumBytes else {
            throw .file(path: path, .content("it has more than \(maximumBytes) bytes"))
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= maximumBytes {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw .file(path: path, fault("reading it"))
            }
            bytes += buffer.prefix(count)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .file(path: path, .content("it is not text"))
        }
        return text
    }

    /// Makes a file that did not exist; it gets its name when it is whole and on the disk.
    static func create(_ path: String, _ privacy: Privacy, text: String) throws(SecurityError) {
        let unique = String(UInt64.random(in: .min ... .max), radix: 16)
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let temporary = "\(folder)/.tare-key-\(getpid())-\(unique).tmp"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, privacy.mode)
        guard descriptor >= 0 else { throw .file(path: path, fault("making it")) }
        defer {
            close(descriptor)
            unsafe unlink(temporary)
        }
        // The modes are exact, whatever the user's mask.
        guard fchmod(descriptor, privacy.mode) == 0 else { throw .file(path: path, fault("setting its modes")) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw .file(path: path, fault("writing it"))
            }
            bytes = bytes.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw .file(path: path, fault("writing it to the disk")) }
        // Unlike a rename, a link never replaces a file.
        guard unsafe link(temporary, path) == 0 else {
            throw .file(path: path, errno == EEXIST ? .exists : fault("naming it"))
        }
        let directory = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .file(path: path, fault("opening its folder")) }
        defer { close(directory) }
        guard fsync(directory) == 0 || errno == EINVAL else {
            throw .file(path: path, fault("writing its folder to the disk"))
        }
    }

    private static func fault(_ operation: String) -> SecurityError.FileFault {
        let code = errno
        return .system(
            operation: operation, reason: unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)")
    }
}
