package import Crypto
import Linux
import Model
import Synchronization

/// The directory of what must outlive the daemon: the lock, the identity and the database.
package struct StateDirectory: Sendable {
    package let path: String
    private let directory: Descriptor
    /// Held as long as the daemon lives; the kernel gives it back when the process ends, however it ends.
    private let lock: Descriptor

    private static let renewing = Mutex(())

    package var databasePath: String { path + "/state.db" }

    /// Opens, or makes, the directory and takes its lock, so that two daemons never share a state.
    package static func open(path: String) throws(StartFailure) -> StateDirectory {
        do {
            try Files.makeDirectory(atPath: path, mode: 0o700)
            let directory = try Files.openDirectory(atPath: path)
            let lock = try Beneath.create(directory, Array("lock".utf8), mode: 0o600, exclusive: false)
            guard try Files.lock(lock) else {
                let holder = try Files.readAll(lock, limit: 32).map { Text.escaped($0.prefix { $0 != 0x0a }) } ?? "?"
                throw StartFailure(
                    .unavailable, "Another lanspreadd (process \(holder)) holds the state directory \(path).",
                    hint: "Stop it, or give this one another --state-dir.")
            }
            try Files.truncate(lock, 0)
            try write("\(Machine.processID)\n", to: lock)
            return StateDirectory(path: path, directory: directory, lock: lock)
        } catch let failure as StartFailure {
            throw failure
        } catch {
            throw inputOutput(path, error)
        }
    }

    /// The identity of this host; made at the first start and kept in a file that only the daemon's user may read.
    package func identity() throws(StartFailure) -> Identity {
        let name = Array("identity.pem".utf8)
        do {
            if try hasFile(name) { return try readIdentity(name) }
            let identity = try Identity.generate()
            try writeIdentity(identity, name)
            return identity
        } catch let failure as StartFailure {
            throw failure
        } catch is CryptoError {
            throw StartFailure(
                .configuration, "\(path)/identity.pem holds no key that can be read.",
                hint: "Move the file away; the daemon then makes a new identity.")
        } catch {
            throw StateDirectory.inputOutput(path, error)
        }
    }

    package static let oldIdentityName = "identity.pem.old"

    /// Puts a new identity in the place of `current`, for the next start, and keeps that one as `identity.pem.old`.
    ///
    /// At every point there is an `identity.pem`, the old or the new one. Asked twice before a restart, what is kept is
    /// still `current`, and not a key that nobody has ever seen.
    package func renewIdentity(_ current: Identity) throws(StartFailure) -> Identity {
        do {
            let next = try Identity.generate()
            // One after the other: they write through the same temporary file.
            try StateDirectory.renewing.withLock { _ in
                try writeIdentity(current, Array(StateDirectory.oldIdentityName.utf8))
                try writeIdentity(next, Array("identity.pem".utf8))
            }
            return next
        } catch {
            throw StateDirectory.inputOutput(path, error)
        }
    }

    /// What cannot be asked is no "no": a key that the disk hides for a moment must not be replaced.
    private func hasFile(_ name: [UInt8]) throws(LinuxError) -> Bool {
        do {
            _ = try Beneath.status(directory, name)
            return true
        } catch {
            guard error.isNoEntry else { throw error }
            return false
        }
    }

    private func writeIdentity(_ identity: Identity, _ name: [UInt8]) throws(LinuxError) {
        let temporary = Array("identity.pem.tmp".utf8)
        let file = try Beneath.create(directory, temporary, mode: 0o600, exclusive: false)
        try Files.truncate(file, 0)
        try StateDirectory.write(String(decoding: identity.pem, as: UTF8.self), to: file)
        try Files.sync(file)
        try Beneath.rename(from: directory, temporary, to: directory, name)
        try Files.sync(directory)
    }

    private func readIdentity(_ name: [UInt8]) throws -> Identity {
        guard let pem = try Files.readAll(try Beneath.openRead(directory, name), limit: Limits.identityBytes) else {
            throw StartFailure(.configuration, "\(path)/identity.pem is too long to be a key.")
        }
        return try Identity(pem: pem)
    }

    private static func write(_ text: String, to file: Descriptor) throws(LinuxError) {
        try Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(LinuxError) in try Files.writeFully(file, bytes, at: 0) }
        }.get()
    }

    private static func inputOutput(_ path: String, _ error: any Error) -> StartFailure {
        guard let error = error as? LinuxError else {
            return StartFailure(.inputOutput, "The state directory \(path) cannot be used.")
        }
        return StartFailure(
            error.isPermission ? .notAllowed : .inputOutput,
            "The state directory \(path) cannot be used: \(error.text).",
            hint: "Make it with its right owner, or name another one with --state-dir.")
    }
}
