package import Linux
package import PeerLink
package import Quic
import Wire

/// Why a peer was not reached, sorted by whether another try is of use.
package enum PeersError: Error, Hashable, Sendable {
    /// Neither link-local nor private nor loopback.
    case addressRefused(SocketAddress)
    /// Nobody answered there, or nobody who speaks our protocol.
    case unreachable(SocketAddress, QuicError)
    /// It answered, and the handshake ended badly.
    case handshake(LinkError)
    case ownAddress
    /// A host with our identity that is not us: one of the two state directories is a copy.
    case identityCloned
    case versionMismatch
    /// The peer sent wrong bytes too often and is left alone for a while.
    case banned
    /// As many peers as we may have, here or there.
    case full
    case stopped

    /// Whether the same address is worth dialling again before anything is known to have changed.
    var isLasting: Bool {
        switch self {
        case .addressRefused, .ownAddress, .identityCloned, .versionMismatch, .unreachable(_, .noSocket): true
        case .unreachable, .handshake, .banned, .full, .stopped: false
        }
    }
}

extension PeersError {
    /// What a peer that closes with this code has to say; nil for a code that says nothing of us.
    init?(closeCode: UInt64) {
        switch closeCode {
        case CloseCode.ownIdentity: self = .ownAddress
        case CloseCode.clonedIdentity: self = .identityCloned
        case CloseCode.versionMismatch: self = .versionMismatch
        case CloseCode.banned: self = .banned
        case CloseCode.full: self = .full
        default: return nil
        }
    }
}
