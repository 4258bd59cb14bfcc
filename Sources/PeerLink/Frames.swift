import Model
import Quic
import Wire

/// Reading and writing in LinkErrors.
extension QuicStream {
    func bytes(_ count: Int) async throws(LinkError) -> [UInt8] {
        do throws(QuicError) {
            return try await read(exactly: count)
        } catch {
            throw LinkError(error)
        }
    }

    func put(_ bytes: [UInt8], end: Bool = false) async throws(LinkError) {
        do throws(QuicError) {
            try await write(bytes, end: end)
        } catch {
            throw LinkError(error)
        }
    }

    /// The JSON behind a length; a length beyond the limit is refused before anything of it is read.
    func frame(limit: Int) async throws(LinkError) -> [UInt8] {
        let prefix = try await bytes(WireCodec.lengthBytes)
        let count: Int
        do throws(WireFault) {
            count = try WireCodec.length(prefix, limit: limit)
        } catch {
            throw LinkError(error)
        }
        return try await bytes(count)
    }

    /// The next control message that this version knows.
    func message() async throws(LinkError) -> PeerMessage {
        while true {
            let json = try await frame(limit: Limits.wireMessageBytes)
            do throws(WireFault) {
                if let message = try WireCodec.decode(json) { return message }
            } catch {
                throw LinkError(error)
            }
        }
    }

    func request() async throws(LinkError) -> RequestHeader {
        let json = try await frame(limit: Limits.requestHeaderBytes)
        do throws(WireFault) {
            return try WireCodec.decodeRequest(json)
        } catch {
            throw LinkError(error)
        }
    }

    func replyHeader(bytesLimit: Int) async throws(LinkError) -> ReplyHeader {
        let bytes = try await bytes(ReplyHeader.byteCount)
        do throws(WireFault) {
            return try ReplyHeader.decode(bytes, bytesLimit: bytesLimit)
        } catch {
            throw LinkError(error)
        }
    }
}
