import Linux
import Runtime

/// One UDP socket on the loop, with what it could not send yet.
final class SocketPort: EventSource {
    enum Sending { case sent, tooLarge }

    private struct Waiting {
        let bytes: [UInt8]
        let segment: Int
        let target: SocketAddress
        let source: SocketAddress?
    }

    /// A wake-up takes so many calls of so many messages, and not more than so many datagrams: a turn of the loop is
    /// short, whatever the network does.
    private static let callsPerTurn = 4
    static let messagesPerCall = 8
    private static let datagramsPerTurn = 2_048

    let address: SocketAddress
    let bufferBytes: Int
    /// Outlives its ports.
    unowned let endpoint: QuicEndpoint
    private let socket: UdpSocket
    private var number = -1
    /// One batch at most, and the packet that did not belong to it: nobody writes while it waits.
    private var waiting: [Waiting] = []

    init(_ address: SocketAddress, endpoint: QuicEndpoint) throws(LinuxError) {
        socket = try UdpSocket(
            bind: address, buffers: Self.messagesPerCall,
            socketBufferBytes: endpoint.settings.socketBufferBytes)
        self.address = socket.address
        bufferBytes = socket.bufferBytes
        self.endpoint = endpoint
    }

    /// The socket is full: write when it has room again.
    var isFull: Bool { !waiting.isEmpty }

    func open() {
        number = endpoint.loop.register(self, fd: socket.descriptor.rawValue, events: EventLoop.readable)
    }

    func close() {
        guard number >= 0 else { return }
        endpoint.loop.unregister(number, fd: socket.descriptor.rawValue)
        number = -1
    }

    // MARK: - Events

    let deadline = UInt64.max
    func fire(_ now: UInt64) {}
    func flush(_ now: UInt64) -> Bool { false }

    func ready(_ events: UInt32) {
        if events & EventLoop.writable != 0 { sendWaiting() }
        if events & EventLoop.readable != 0 { receive() }
    }

    private func receive() {
        let first = endpoint.counters.datagramsReceived
        for _ in 0..<Self.callsPerTurn {
            let now = Machine.monotonicNanoseconds()
            do {
                endpoint.counters.receiveCalls += 1
                let count = try socket.receive { endpoint.received($0, self, now) }
                if count < Self.messagesPerCall { break }
            } catch {
                endpoint.fail(.function(error.call, code: error.code))
                break
            }
            if endpoint.counters.datagramsReceived - first >= Self.datagramsPerTurn { break }
        }
        endpoint.settle()
    }

    // MARK: - Sending

    func send(
        _ bytes: UnsafeRawBufferPointer, segment: Int, to target: SocketAddress, from source: SocketAddress?
    ) -> Sending {
        guard waiting.isEmpty else {
            keep(bytes, segment, target, source)
            return .sent
        }
        do {
            endpoint.counters.sendCalls += 1
            let sent = try socket.send(bytes, segment: segment, to: target, from: source)
            guard sent < bytes.count else { return .sent }
            endpoint.counters.fullSockets += 1
            keep(UnsafeRawBufferPointer(rebasing: bytes[sent...]), segment, target, source)
            if number >= 0 {
                let events = EventLoop.readable | EventLoop.writable
                endpoint.loop.modify(number, fd: socket.descriptor.rawValue, events: events)
            }
            return .sent
        } catch  where error.isMessageTooLong {
            return .tooLarge
        } catch {
            // A network that is down loses packets; that is what retransmission is for.
            endpoint.sendFailed(error)
            return .sent
        }
    }

    private func keep(
        _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ target: SocketAddress, _ source: SocketAddress?
    ) {
        waiting.append(Waiting(bytes: [UInt8](bytes), segment: segment, target: target, source: source))
    }

    private func sendWaiting() {
        while let first = waiting.first {
            waiting.removeFirst()
            let before = waiting
            waiting = []
            _ = first.bytes.withUnsafeBytes {
                send($0, segment: first.segment, to: first.target, from: first.source)
            }
            waiting += before
            if waiting.count > before.count { return }
        }
        endpoint.loop.modify(number, fd: socket.descriptor.rawValue, events: EventLoop.readable)
        endpoint.hasRoom(self)
    }
}
