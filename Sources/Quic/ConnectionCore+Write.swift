import CNgtcp2
import Linux

/// The write path: packets in batches of equal segments, streams by turns, credit once a round.
extension ConnectionCore {
    /// The batches of one connection in one turn of the loop, so that others have theirs.
    private static let batchesPerTurn = 16

    /// Equal packets, of which the last may be shorter, on their way to one send call.
    private struct Batch {
        var used = 0
        var segment = 0
        var packets = 0
    }

    /// Writes what may be written now; returns whether there is more at once.
    func write(_ now: UInt64) -> Bool {
        guard let quic, phase != .ended else { return false }
        giveCredit(quic)
        openWaiting()
        if port.isFull { return false }
        let buffer = endpoint.sendBuffer
        let capacity = phase == .up ? payload.bytes : PayloadLadder.least
        let room = min(UdpSocket.bytesPerSend, capacity * UdpSocket.segmentsPerSend)
        var batch = Batch()
        var batches = 0
        var mayStream = phase == .up && endpoint.mayStream(now)
        while true {
            let count = writePacket(quic, buffer + batch.used, capacity, mayStream, now)
            if count <= 0 {
                send(&batch, buffer, now)
                return false
            }
            if batch.used > 0, count > batch.segment {
                // The kernel cuts into equal pieces: a larger packet begins a batch of its own.
                let start = batch.used
                send(&batch, buffer, now)
                batches += 1
                buffer.update(from: buffer + start, count: count)
            }
            if batch.used == 0 { batch.segment = count }
            batch.used += count
            batch.packets += 1
            let isComplete =
                count < batch.segment || batch.used + capacity > room || batch.packets == UdpSocket.segmentsPerSend
            guard isComplete else { continue }
            send(&batch, buffer, now)
            batches += 1
            if port.isFull { return false }
            if batches >= Self.batchesPerTurn { return true }
            mayStream = phase == .up && endpoint.mayStream(now)
        }
    }

    /// One packet; 0 when there is nothing to send or the path is full, below 0 when the connection is to end.
    @inline(__always)
    private func writePacket(
        _ quic: OpaquePointer, _ target: UnsafeMutablePointer<UInt8>, _ capacity: Int, _ mayStream: Bool, _ now: UInt64
    ) -> Int {
        while true {
            guard mayStream, let stream = turns.current else {
                // A round ends with a call for no stream: acknowledgements and probes have no other way out.
                let count = lan_conn_write_stream(quic, target, capacity, nil, 0, -1, nil, 0, now)
                if count < 0 { writeFault = Int32(count) }
                return count
            }
            let piece = stream.outbox.piece
            var vector = ngtcp2_vec(base: piece.start, len: piece.count)
            var taken: ngtcp2_ssize = -1
            let flags = piece.ends ? UInt32(NGTCP2_WRITE_STREAM_FLAG_FIN) : 0
            let count = lan_conn_write_stream(
                quic, target, capacity, &taken, flags, stream.id, &vector, piece.count > 0 ? 1 : 0, now)
            if taken >= 0 { sent(taken, of: piece.count, stream, now) }
            if count > 0 { return count }
            switch Int32(count) {
            case 0:
                let last = lan_conn_write_stream(quic, target, capacity, nil, 0, -1, nil, 0, now)
                if last < 0 { writeFault = Int32(last) }
                return last
            case NGTCP2_ERR_STREAM_DATA_BLOCKED:
                stream.isBlocked = true
                dequeue(stream)
            case NGTCP2_ERR_STREAM_SHUT_WR, NGTCP2_ERR_STREAM_NOT_FOUND:
                stream.peerStopped()
                dequeue(stream)
            default:
                writeFault = Int32(count)
                return count
            }
        }
    }

    @inline(__always)
    private func sent(_ taken: Int, of count: Int, _ stream: StreamCore, _ now: UInt64) {
        endpoint.spend(taken, at: now)
        if taken == count || taken > 0 {
            stream.outbox.sent(taken)
            stream.meter.add(taken)
        }
        if stream.hasPiece { turns.spend(taken) } else { dequeue(stream) }
    }

    private func send(_ batch: inout Batch, _ buffer: UnsafeMutablePointer<UInt8>, _ now: UInt64) {
        guard batch.used > 0 else { return }
        let bytes = UnsafeRawBufferPointer(start: buffer, count: batch.used)
        endpoint.counters.datagramsSent += UInt64(batch.packets)
        endpoint.counters.bytesSent += UInt64(batch.used)
        // What does not fit the path is lost; ngtcp2 sends it again in packets of the new size.
        if port.send(bytes, segment: batch.segment, to: remote, from: local) == .tooLarge { payload.stepDown() }
        batch = Batch()
    }
}
