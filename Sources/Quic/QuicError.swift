/// Why something between two hosts did not happen, sorted by what the caller can do.
package enum QuicError: Error, Hashable, Sendable {
    /// Nothing more will come over this connection; dial again.
    case connectionLost(ConnectionEnd)
    /// One stream was given up, here or there, with the code of whoever did it.
    case streamReset(code: UInt64)
    /// The other side said that this is all, before all that was asked for had come.
    case endedEarly
    /// Nobody answered in time.
    case tooSlow(after: Duration)
    /// The other side does not want us: its limits, its protocol or its opinion of our key.
    case refused
    /// As many connections as we may have.
    case tooManyConnections
    /// No socket of ours speaks this family of addresses.
    case noSocket
    /// The waiting task was cancelled; the stream it waited for is reset.
    case cancelled
    /// A C library or the kernel refused.
    case function(String, code: Int32)

    package var connectionIsLost: Bool {
        switch self {
        case .connectionLost, .refused: true
        case .streamReset, .endedEarly, .tooSlow, .tooManyConnections, .noSocket, .cancelled, .function: false
        }
    }
}

/// How a connection ended.
package enum ConnectionEnd: Hashable, Sendable {
    case closedHere(code: UInt64)
    case closedThere(code: UInt64)
    /// Nothing came for the idle timeout.
    case silent
    /// The other side broke the protocol, or refused ours; the code is the library's or the wire's.
    case fault(code: Int64)
    /// A limit of ours that only a misbehaving peer reaches.
    case overLimit
    /// This host's QUIC server stopped.
    case stopped
}
