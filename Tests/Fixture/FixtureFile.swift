import Glibc

/// A step of writing a fixture that the system refused.
package struct FixtureError: Error, Hashable, Sendable {
    package let call: String
    package let path: String
    package let code: Int32

    package init(_ call: String, _ path: String, code: Int32 = errno) {
        self.call = call
        self.path = path
        self.code = code
    }

    package var sentence: String {
        "\(path) was not written: \(String(cString: strerror(code))) (\(call))."
    }
}

/// A file being written from its beginning to its end; small runs are gathered.
package final class FixtureFile {
    private let path: String
    private let descriptor: Int32
    private var waiting: [UInt8] = []
    package private(set) var size: UInt64 = 0

    /// Gathered up to here: a header costs no system call of its own.
    private static let waitingBytes = 64 << 10

    package init(path: String, mode: UInt32 = 0o644) throws(FixtureError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw FixtureError("open", path) }
    }

    deinit { close(descriptor) }

    package func append(_ bytes: [UInt8]) throws(FixtureError) {
        size += UInt64(bytes.count)
        waiting += bytes
        if waiting.count >= FixtureFile.waitingBytes { try flush() }
    }

    package func append(_ content: FixtureContent) throws(FixtureError) {
        try content.forEachBlock { block throws(FixtureError) in
            guard block.count >= FixtureFile.waitingBytes else { return try append(Array(block)) }
            try flush()
            size += UInt64(block.count)
            try write(block)
        }
    }

    package func finish() throws(FixtureError) { try flush() }

    private func flush() throws(FixtureError) {
        let run = waiting
        waiting.removeAll(keepingCapacity: true)
        try FixtureContent.bytes(run).forEachBlock { block throws(FixtureError) in try write(block) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws(FixtureError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FixtureError("write", path) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    // MARK: - Whole files

    package static func write(_ content: FixtureContent, to path: String, mode: UInt32 = 0o644) throws(FixtureError) {
        let file = try FixtureFile(path: path, mode: mode)
        try file.append(content)
        try file.finish()
    }

    /// Makes a directory and those above it; one that is there is fine.
    package static func makeDirectories(_ path: String) throws(FixtureError) {
        var made = path.hasPrefix("/") ? "" : "."
        for component in path.split(separator: "/") {
            made += "/" + component
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw FixtureError("mkdir", made) }
        }
    }
}

extension FixtureFile {
    /// Makes a file longer without writing to it.
    package static func stretch(_ path: String, to bytes: UInt64) throws(FixtureError) {
        guard truncate(path, off_t(clamping: bytes)) == 0 else { throw FixtureError("truncate", path) }
    }
}

extension FixtureFile {
    /// Writes other bytes of the same length into a file and puts its times back: what a rewrite within one tick of the
    /// clock looks like.
    package static func rewriteUnseen(_ path: String, _ bytes: [UInt8]) throws(FixtureError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw FixtureError("stat", path) }
        guard status.st_size == bytes.count else { throw FixtureError("stat", path, code: EINVAL) }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FixtureError("open", path) }
        defer { close(descriptor) }
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else { throw FixtureError("pwrite", path) }
        let times = [status.st_atim, status.st_mtim]
        guard futimens(descriptor, times) == 0 else { throw FixtureError("futimens", path) }
    }
}
