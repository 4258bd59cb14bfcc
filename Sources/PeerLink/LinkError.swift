package import Quic
package import Wire

/// Why something between two peers did not happen, sorted by what the caller does next.
package enum LinkError: Error, Hashable, Sendable {
    /// The peer's polite no: ask later, or another.
    case refused(PeerRefusal)
    /// The link is gone, and with it everything on it.
    case lost
    /// The peer gave up this one stream; the link is well.
    case cut(code: UInt64)
    case tooSlow(after: Duration)
    /// What came breaks the protocol; the link is closed for it. The text is a sentence's second half.
    case malformed(String)
    /// This host refused the peer at its hello, and closed with this code.
    case turnedAway(code: UInt64)
    /// Our own task was cancelled.
    case cancelled
    /// Something of this host, not of the peer.
    case failed(QuicError)

    init(_ error: QuicError) {
        switch error {
        case .connectionLost, .refused: self = .lost
        case .streamReset(StreamCode.busy): self = .refused(.busy)
        case .streamReset(let code): self = .cut(code: code)
        // An orderly end where more was announced is as good as a reset: the peer's reader broke off.
        case .endedEarly: self = .cut(code: StreamCode.failed)
        case .tooSlow(let limit): self = .tooSlow(after: limit)
        case .cancelled: self = .cancelled
        case .tooManyConnections, .noSocket, .function: self = .failed(error)
        }
    }

    init(_ fault: WireFault) { self = .malformed(fault.sentence) }

    /// The code that tells the peer why its stream was reset.
    var streamCode: UInt64 {
        switch self {
        case .refused: StreamCode.busy
        case .tooSlow: StreamCode.tooSlow
        case .malformed: StreamCode.malformed
        case .cancelled, .cut: StreamCode.cancelled
        case .lost, .failed, .turnedAway: StreamCode.failed
        }
    }

    /// The code that tells the peer why its connection was closed.
    var closeCode: UInt64 {
        switch self {
        case .malformed: CloseCode.malformed
        case .tooSlow: CloseCode.tooSlow
        case .turnedAway(let code): code
        case .refused, .lost, .cut, .cancelled, .failed: CloseCode.stopping
        }
    }
}
