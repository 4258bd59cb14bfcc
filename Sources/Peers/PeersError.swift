package import Linux
package import Model
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
    /// The operator of this host wants nothing to do with this peer.
    case blocked(PeerID)
    /// The operator of the other host wants nothing to do with us.
    case blockedThere
    /// It came and went so often that it is left alone for a moment.
    case flapping
    /// As many peers as we may have, here or there.
    case full
    case stopped

    /// Whether the same address is worth dialling again before anything is known to have changed.
    var isLasting: Bool {
        switch self {
        case .addressRefused, .ownAddress, .versionMismatch, .blocked, .blockedThere, .unreachable(_, .noSocket): true
        // A clone is looked for again, so that `status` can say when it is gone.
        case .identityCloned, .unreachable, .handshake, .banned, .flapping, .full, .stopped: false
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
        case CloseCode.blocked: self = .blockedThere
        case CloseCode.flapping: self = .flapping
        default: return nil
        }
    }
}
