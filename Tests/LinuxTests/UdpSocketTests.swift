import Linux
import TestKit
import Testing

@Suite struct `A UDP socket` {
    private struct Run: Equatable {
        let bytes: [UInt8]
        let segment: Int
    }

    /// Reads until so many bytes have come; nothing is lost on loopback as long as the buffers hold it.
    private func receive(_ socket: UdpSocket, bytes: Int) throws -> (runs: [Run], from: Set<SocketAddress>) {
        var runs: [Run] = []
        var from: Set<SocketAddress> = []
        var count = 0
        while count < bytes {
            guard try socket.descriptor.waitReadable(milliseconds: 5_000) else { break }
            _ = try socket.receive { message in
                runs.append(Run(bytes: Array(message.bytes), segment: message.segment))
                from.insert(message.from)
                #expect(message.to?.isLoopback == true)
                count += message.bytes.count
            }
        }
        return (runs, from)
    }

    private func datagrams(_ runs: [Run]) -> [[UInt8]] {
        runs.flatMap { run in
            stride(from: 0, to: run.bytes.count, by: run.segment).map { start in
                Array(run.bytes[start..<min(start + run.segment, run.bytes.count)])
            }
        }
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0"], [true, false])
    func `carries runs of datagrams, cut by the kernel or not`(_ bind: String, _ isFast: Bool) throws {
        let address = try #require(SocketAddress(bind))
        let sender = try UdpSocket(bind: address, merging: isFast, segmentation: isFast)
        let receiver = try UdpSocket(bind: address, merging: isFast, segmentation: isFast)
        #expect(sender.port != 0 && receiver.port != sender.port)
        #expect(sender.hasSegmentation == isFast && receiver.hasMerging == isFast)
        // 100 whole datagrams and a short one: more than one cut message.
        let payload = (0..<(100 * 1_200 + 7)).map { UInt8(truncatingIfNeeded: $0 / 1_200) }
        let sent = try payload.withUnsafeBytes { bytes in
            try sender.send(bytes, segment: 1_200, to: receiver.address)
        }
        #expect(sent == payload.count)
        let (runs, from) = try receive(receiver, bytes: payload.count)
        #expect(from == [sender.address])
        let all = datagrams(runs)
        #expect(all.count == 101)
        #expect(all.flatMap { $0 } == payload)
        if isFast { #expect(runs.count < 101) }
        #expect(try receiver.receive { _ in } == 0)
    }

    @Test func `sends one short datagram and an answer from the address that was asked`() throws {
        let server = try UdpSocket(bind: .any(port: 0))
        let client = try UdpSocket(bind: .loopback(port: 0))
        let target = try #require(SocketAddress(host: "127.0.0.2", port: server.port))
        #expect(try ([1, 2, 3] as [UInt8]).withUnsafeBytes { try client.send($0, segment: 1_400, to: target) } == 3)
        #expect(try server.descriptor.waitReadable(milliseconds: 5_000))
        _ = try server.receive { message in
            #expect(message.to?.host == "127.0.0.2")
            do {
                let bytes = UnsafeRawBufferPointer(message.bytes)
                _ = try server.send(bytes, segment: 1_400, to: message.from, from: message.to)
            } catch {
                Issue.record(error)
            }
        }
        #expect(try client.descriptor.waitReadable(milliseconds: 5_000))
        _ = try client.receive { #expect($0.from == target) }
    }

    @Test func `says that it is full and then takes the rest`() throws {
        let receiver = try UdpSocket(bind: .loopback(port: 0), socketBufferBytes: 1)
        let sender = try UdpSocket(bind: .loopback(port: 0), socketBufferBytes: 1)
        let payload = [UInt8](repeating: 1, count: 64 * 1_400)
        var isFull = false
        // On loopback a send lands in the receiver's queue at once and is dropped when that is full, so a full sender
        // may never be seen; what must hold is that whole datagrams were taken.
        for _ in 0..<64 {
            let sent = try payload.withUnsafeBytes { try sender.send($0, segment: 1_400, to: receiver.address) }
            #expect(sent % 1_400 == 0 && sent <= payload.count)
            if sent < payload.count { isFull = true }
        }
        if isFull { _ = try receiver.receive { _ in } }
    }

    @Test func `reports a datagram that is too large for the path`() throws {
        let socket = try UdpSocket(bind: .loopback(port: 0))
        let payload = [UInt8](repeating: 1, count: 65_508)
        #expect(throws: LinuxError(call: "sendmsg", code: 90)) {
            try payload.withUnsafeBytes { try socket.send($0, segment: 65_508, to: .loopback(port: 9)) }
        }
    }

    @Test func `does not share its port unless it was said`() throws {
        let first = try UdpSocket(bind: .loopback(port: 0), reusePort: true)
        _ = try UdpSocket(bind: first.address, reusePort: true)
        #expect(throws: LinuxError.self) { try UdpSocket(bind: first.address) }
    }
}
