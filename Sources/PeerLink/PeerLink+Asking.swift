package import Model
import Quic
import Runtime
package import Wire

/// What this host asks of the peer: one stream each.
extension PeerLink {
    /// The revision is nil when the peer does not say it.
    package func games() async throws(LinkError) -> (revision: UInt64?, games: [GameSummary]) {
        let (stream, header) = try await ask(.listGames, bytesLimit: 0)
        guard header.kind == .json else { throw broken(stream, .unknownReply) }
        let json = try await body(stream, header)
        do throws(WireFault) {
            return try WireCodec.decodeGames(json)
        } catch {
            throw broken(stream, error)
        }
    }

    /// Without a root: of the version that the peer's catalog expects. A busy peer is asked again for some seconds: it
    /// sends few manifests at once, and each of them takes a moment only.
    package func manifest(_ game: GameID, root: Root?) async throws(LinkError) -> ManifestReply {
        for pause in [Duration.milliseconds(100), .milliseconds(400), .seconds(1), .seconds(2), .seconds(4)] {
            do throws(LinkError) {
                return try await askManifest(game, root)
            } catch {
                guard error == .refused(.busy) else { throw error }
            }
            guard (try? await time.sleep(for: pause)) != nil else { throw .cancelled }
        }
        return try await askManifest(game, root)
    }

    private func askManifest(_ game: GameID, _ root: Root?) async throws(LinkError) -> ManifestReply {
        let (stream, header) = try await ask(.getManifest(game, root), bytesLimit: Limits.manifestBytes)
        let bytes = try await body(stream, header)
        if header.kind == .bytes { return .manifest(bytes) }
        do throws(WireFault) {
            let (done, total) = try WireCodec.decodeHashing(bytes)
            return .hashing(done: done, total: total)
        } catch {
            throw broken(stream, error)
        }
    }

    /// Returns when the peer has agreed; the chunks are then read with `next`.
    package func chunks(_ request: ChunkRequest) async throws(LinkError) -> ChunkReceiver {
        let limit = request.count * Grid.chunkBytes
        let (stream, header) = try await ask(.getChunks(request), bytesLimit: limit)
        guard header.kind == .bytes else { throw broken(stream, .unknownReply) }
        return ChunkReceiver(stream, totalBytes: Int(header.length), time: time)
    }

    /// Sends the request and reads the header of its reply. A refusal is thrown as one.
    private func ask(
        _ request: RequestHeader, bytesLimit: Int
    ) async throws(LinkError) -> (QuicStream, ReplyHeader) {
        let connection = self.connection
        let (stream, header) = try await limited(to: Limits.replyDeadline, time) { [self] () throws(LinkError) in
            let stream: QuicStream
            do throws(QuicError) {
                stream = try await connection.openStream()
            } catch {
                throw LinkError(error)
            }
            do throws(LinkError) {
                try await stream.put(WireCodec.encode(request), end: true)
                return (stream, try await stream.replyHeader(bytesLimit: bytesLimit))
            } catch {
                throw blamed(error, on: stream)
            }
        }
        guard header.kind == .refusal else { return (stream, header) }
        let json = try await body(stream, header)
        let refusal: PeerRefusal
        do throws(WireFault) {
            refusal = try WireCodec.decodeRefusal(json)
        } catch {
            throw broken(stream, error)
        }
        throw .refused(refusal)
    }

    private func body(_ stream: QuicStream, _ header: ReplyHeader) async throws(LinkError) -> [UInt8] {
        let count = Int(header.length)
        do throws(LinkError) {
            return try await moving(stream, time) { () throws(LinkError) in try await stream.bytes(count) }
        } catch {
            throw blamed(error, on: stream)
        }
    }

    private func broken(_ stream: QuicStream, _ fault: WireFault) -> LinkError {
        blamed(LinkError(fault), on: stream)
    }

    /// Resets the stream, and closes the link of a peer that breaks the protocol.
    private func blamed(_ error: LinkError, on stream: QuicStream) -> LinkError {
        stream.reset(code: error.streamCode)
        if case .malformed(let what) = error {
            log.warning("A peer was cut off: \(what).", kind: "peer_malformed", .peer(peer))
            close(code: CloseCode.malformed)
        }
        return error
    }
}
