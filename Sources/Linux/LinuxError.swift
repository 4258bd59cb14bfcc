import Glibc

/// A system call that failed: which one, and the errno it left.
package struct LinuxError: Error, Hashable, Sendable {
    /// The name of the call as `man 2` knows it.
    package let call: String
    /// The errno.
    package let code: Int32

    package init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// Reads errno, so nothing may run between the failed call and this.
    init(_ call: String) {
        self.init(call: call, code: errno)
    }

    package var isNoEntry: Bool { code == ENOENT }
    package var isExists: Bool { code == EEXIST }
    /// The disk or the quota of this user is full.
    package var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
    package var isAgain: Bool { code == EAGAIN }
    package var isNotDirectory: Bool { code == ENOTDIR }
    package var isDirectory: Bool { code == EISDIR }
    package var isNotEmpty: Bool { code == ENOTEMPTY || code == EEXIST }
    /// A symbolic link stood where none may stand.
    package var isLoop: Bool { code == ELOOP }
    /// The path would have left the directory that it was resolved beneath.
    package var isEscape: Bool { code == EXDEV }
    package var isPermission: Bool { code == EACCES || code == EPERM }
    package var isReadOnly: Bool { code == EROFS }
    /// The descriptor is not open, or not for that.
    package var isBadDescriptor: Bool { code == EBADF }
    /// What the descriptor stands for is not there any more.
    package var isStale: Bool { code == ESTALE }
    package static func readOnly(_ call: String) -> LinuxError { LinuxError(call: call, code: EROFS) }
    package static func stale(_ call: String) -> LinuxError { LinuxError(call: call, code: ESTALE) }
    /// This file system or kernel does not know the call.
    package var isUnsupported: Bool { code == EOPNOTSUPP || code == ENOSYS || code == EINVAL }
    package var isAddressInUse: Bool { code == EADDRINUSE }
    /// The kernel, or the sandbox around us, has no such protocol.
    package var isUnknownFamily: Bool { code == EAFNOSUPPORT || code == EPROTONOSUPPORT }
    package var isNoAddress: Bool { code == EADDRNOTAVAIL }
    package var isRefused: Bool { code == ECONNREFUSED }
    package var isBrokenPipe: Bool { code == EPIPE || code == ECONNRESET }
    package var isMessageTooLong: Bool { code == EMSGSIZE }
    package var isTooManyOpen: Bool { code == EMFILE || code == ENFILE }

    /// What the C library says about the code, for people: "No space left on device".
    package var text: String {
        // strerror_r in GNU's form may return a text of its own instead of filling the buffer; the XSI name is not
        // visible from here, and strerror itself is thread-safe since glibc 2.32.
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}

/// Repeats a call that a signal interrupted; -1 becomes an error with the errno.
@discardableResult
func check<Result: SignedInteger>(_ call: String, _ body: () -> Result) throws(LinuxError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let code = errno
        if code != EINTR { throw LinuxError(call: call, code: code) }
    }
}

/// Like `check`, for a descriptor that does not wait: nil when it would have to.
func attempt<Result: SignedInteger>(_ call: String, _ body: () -> Result) throws(LinuxError) -> Result? {
    do {
        return try check(call, body)
    } catch {
        guard error.isAgain else { throw error }
        return nil
    }
}
