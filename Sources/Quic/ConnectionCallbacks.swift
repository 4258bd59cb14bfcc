import CNgtcp2

/// What ngtcp2 calls in the middle of reading and writing packets.
///
/// Each one finds its connection in the user data and records what happened: no call back into the library, no wait, no
/// lock. A result other than 0 would end the connection.
enum ConnectionCallbacks {
    static func table(isServer: Bool) -> ngtcp2_callbacks {
        var table = ngtcp2_callbacks()
        lan_crypto_callbacks(&table, isServer ? 1 : 0)
        addIdentifiers(&table)
        addHandshake(&table, isServer: isServer)
        addStreams(&table)
        return table
    }

    private static func addIdentifiers(_ table: inout ngtcp2_callbacks) {
        table.rand = { target, count, _ in
            var random = SystemRandomNumberGenerator()
            for index in 0..<count { target?[index] = UInt8(truncatingIfNeeded: random.next()) }
        }
        table.get_new_connection_id = { _, cid, token, count, user in
            guard let cid, let token else { return NGTCP2_ERR_CALLBACK_FAILURE }
            return connection(user)._withUnsafeGuaranteedRef { $0.endpoint.issue(cid, count, token, for: $0) }
        }
        table.remove_connection_id = { _, cid, user in
            guard let cid else { return 0 }
            connection(user)._withUnsafeGuaranteedRef { $0.endpoint.unroute(cid.pointee, from: $0) }
            return 0
        }
    }

    private static func addHandshake(_ table: inout ngtcp2_callbacks, isServer: Bool) {
        if isServer {
            // TLS is complete with the client's certificate.
            table.handshake_completed = { _, user in
                connection(user)._withUnsafeGuaranteedRef { $0.isVerified = true }
                return 0
            }
        } else {
            // A client's own handshake completes before the server has looked at its certificate; only this says so.
            table.handshake_confirmed = { _, user in
                connection(user)._withUnsafeGuaranteedRef { $0.isVerified = true }
                return 0
            }
        }
    }

    private static func addStreams(_ table: inout ngtcp2_callbacks) {
        table.stream_open = { _, id, user in
            connection(user)._withUnsafeGuaranteedRef { $0.opened(id) }
            return 0
        }
        table.stream_close = { _, flags, id, code, user, _ in
            let hasCode = flags & UInt32(NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) != 0
            connection(user)._withUnsafeGuaranteedRef { $0.closed(id, code: hasCode ? code : 0) }
            return 0
        }
        table.recv_stream_data = { _, flags, _, _, data, count, _, stream in
            guard let stream else { return 0 }
            Unmanaged<StreamCore>.fromOpaque(stream)._withUnsafeGuaranteedRef {
                $0.received(
                    UnsafeRawBufferPointer(start: data, count: count),
                    isLast: flags & UInt32(NGTCP2_STREAM_DATA_FLAG_FIN) != 0)
            }
            return 0
        }
        table.acked_stream_data_offset = { _, _, offset, count, _, stream in
            guard let stream else { return 0 }
            Unmanaged<StreamCore>.fromOpaque(stream)._withUnsafeGuaranteedRef { $0.acknowledged(offset &+ count) }
            return 0
        }
        table.extend_max_stream_data = { _, _, _, user, stream in
            guard let stream else { return 0 }
            Unmanaged<StreamCore>.fromOpaque(stream)._withUnsafeGuaranteedRef { stream in
                stream.isBlocked = false
                connection(user)._withUnsafeGuaranteedRef { $0.enqueue(stream) }
            }
            return 0
        }
        table.stream_reset = { _, _, _, code, _, stream in
            guard let stream else { return 0 }
            Unmanaged<StreamCore>.fromOpaque(stream)._withUnsafeGuaranteedRef { $0.peerReset(code: code) }
            return 0
        }
    }
}

// Free, since a C function pointer cannot capture a type.
@inline(__always)
private func connection(_ user: UnsafeMutableRawPointer?) -> Unmanaged<ConnectionCore> {
    guard let user else { preconditionFailure("ngtcp2 lost the connection's user data") }
    return Unmanaged.fromOpaque(user)
}
