import Linux
import Runtime
import Synchronization

/// A wire between two hosts that loses, doubles and delays datagrams, by seed; the host behind it is dialled through
/// `address`.
final class LossyLink: Sendable {
    let address: SocketAddress
    private let loop: EventLoop
    private let number: Int

    init(to server: SocketAddress, seed: UInt64, lossPerThousand: UInt64) async throws {
        let loop = try EventLoop(name: "link")
        self.loop = loop
        let made = OneShot<(SocketAddress, Int)?>()
        loop.perform {
            guard let wire = try? Wire(to: server, RandomSource(seed: seed), lossPerThousand, loop) else {
                made.give(nil)
                return
            }
            made.give((wire.near.address, wire.open()))
        }
        guard let (address, number) = await made.take() else { throw CancellationError() }
        self.address = address
        self.number = number
    }

    deinit {
        let loop = loop
        Task.detached { loop.stop() }
    }
}

/// Lives on the link's loop.
private final class Wire: EventSource {
    let near: UdpSocket
    private let far: UdpSocket
    private let server: SocketAddress
    private var client: SocketAddress?
    private let random: RandomSource
    private let lossPerThousand: UInt64
    private let loop: EventLoop
    private var held: (bytes: [UInt8], toServer: Bool)?

    init(to server: SocketAddress, _ random: RandomSource, _ lossPerThousand: UInt64, _ loop: EventLoop) throws {
        near = try UdpSocket(bind: .loopback(port: 0))
        far = try UdpSocket(bind: .loopback(port: 0))
        self.server = server
        self.random = random
        self.lossPerThousand = lossPerThousand
        self.loop = loop
    }

    func open() -> Int {
        let other = Forwarder(self)
        _ = loop.register(other, fd: far.descriptor.rawValue, events: EventLoop.readable)
        return loop.register(self, fd: near.descriptor.rawValue, events: EventLoop.readable)
    }

    let deadline = UInt64.max
    func fire(_ now: UInt64) {}
    func flush(_ now: UInt64) -> Bool { false }

    func ready(_ events: UInt32) { forward(from: near, toServer: true) }

    func answer() { forward(from: far, toServer: false) }

    private func forward(from socket: UdpSocket, toServer: Bool) {
        _ = try? socket.receive { received in
            if toServer { client = received.from }
            for start in stride(from: 0, to: received.bytes.count, by: received.segment) {
                let end = min(start + received.segment, received.bytes.count)
                pass([UInt8](received.bytes[start..<end]), toServer: toServer)
            }
        }
    }

    private func pass(_ bytes: [UInt8], toServer: Bool) {
        let chance = random.uint64() % 1_000
        if chance < lossPerThousand { return }
        if chance < lossPerThousand + 5, held == nil {
            held = (bytes, toServer)
            return
        }
        send(bytes, toServer: toServer)
        if chance > 995 { send(bytes, toServer: toServer) }
        if let late = held, chance % 4 == 0 {
            held = nil
            send(late.bytes, toServer: late.toServer)
        }
    }

    private func send(_ bytes: [UInt8], toServer: Bool) {
        guard let target = toServer ? server : client else { return }
        // A full socket loses one more.
        bytes.withUnsafeBytes { _ = try? (toServer ? far : near).send($0, segment: $0.count, to: target) }
    }
}

private final class Forwarder: EventSource {
    private let wire: Wire

    init(_ wire: Wire) { self.wire = wire }

    let deadline = UInt64.max
    func ready(_ events: UInt32) { wire.answer() }
    func fire(_ now: UInt64) {}
    func flush(_ now: UInt64) -> Bool { false }
}
