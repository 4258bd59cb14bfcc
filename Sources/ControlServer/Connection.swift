import Control
import Linux
import Model
import Runtime

/// A client that has knocked.
struct Connection: Sendable {
    let descriptor: Descriptor
    let loop: EventLoop

    /// Nil when the kernel does not say who it is: such a client is not served.
    var client: ControlClient? {
        do {
            let peer = try UnixSocket.peerCredentials(descriptor)
            return ControlClient(pid: peer.pid, uid: peer.uid, gid: peer.gid)
        } catch {
            return nil
        }
    }

    /// One line into an empty buffer, without waiting; the connection closes when its last reference goes.
    func tellBusy(_ limit: Int) {
        let failure = Failure(
            .busy, "The daemon serves \(limit) control clients already.", hint: "Try again when one has left.",
            retryable: true)
        do {
            _ = try JSONRPC.encodeFailure(id: .null, failure).withUnsafeBytes { bytes throws(LinuxError) in
                try UnixSocket.send(descriptor, bytes)
            }
        } catch {
            // It has left by itself.
            return
        }
    }
}
