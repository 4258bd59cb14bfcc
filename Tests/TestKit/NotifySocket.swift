import Glibc
import Linux
package import Runtime

/// A datagram socket in systemd's place, and what was told to it.
package final class NotifySocket: Sendable {
    private let directory: TemporaryDirectory
    private let socket: Descriptor

    /// What belongs into `NOTIFY_SOCKET`.
    package var path: String { directory.path + "/notify" }

    package init() throws {
        directory = try TemporaryDirectory()
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        socket = Descriptor(adopting: Glibc.socket(AF_UNIX, type, 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // It is shorter than the place for it, which is all zeros.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.rawValue, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw LinuxError(call: "bind", code: errno) }
        try socket.setNonblocking(true)
    }

    /// What has come and was not taken yet, in order.
    package func messages() throws -> [String] {
        var messages: [String] = []
        while let message = try next() { messages.append(message) }
        return messages
    }

    /// The first message from here on that has the text; what came before it is taken too.
    package func wait(for text: String, on loop: EventLoop) async throws -> String {
        let readiness = Readiness(socket, on: loop)
        while true {
            while let message = try next() { if message.contains(text) { return message } }
            try await readiness.readable()
        }
    }

    private func next() throws -> String? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        guard let count = try buffer.withUnsafeMutableBytes({ try socket.read(into: $0) }) else { return nil }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
