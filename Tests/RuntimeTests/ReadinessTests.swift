import Linux
import Runtime
import TestKit
import Testing

@Suite struct `A readiness` {
    @Test func `waits for bytes and for room`() async throws {
        try await within {
            let loop = try EventLoop()
            let (a, b) = try UnixSocket.pair()
            let (mine, other) = (Readiness(a, on: loop), Readiness(b, on: loop))
            try await mine.writable()
            async let readable: Void = mine.readable()
            try await other.writable()
            _ = try [UInt8]("hello".utf8).withUnsafeBytes { try UnixSocket.send(b, $0) }
            try await readable
            // Full: no room until the other side reads.
            let chunk = [UInt8](repeating: 1, count: 1 << 16)
            while try chunk.withUnsafeBytes({ try UnixSocket.send(b, $0) }) != nil {}
            async let room: Void = other.writable()
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while let count = try buffer.withUnsafeMutableBytes({ try UnixSocket.receive(a, into: $0) }), count > 0 {}
            try await room
            loop.stop()
        }
    }

    @Test func `ends at the end of the stream and when it is closed`() async throws {
        try await within {
            let loop = try EventLoop()
            var pair = try UnixSocket.pair() as (Descriptor, Descriptor)?
            let first = try #require(pair?.0)
            let readiness = Readiness(first, on: loop)
            async let end: Void = readiness.readable()
            pair = nil
            try await end
            let (other, kept) = try UnixSocket.pair()
            let idle = Readiness(other, on: loop)
            async let closed: Void = idle.readable()
            idle.close()
            try await closed
            try await idle.readable()
            _ = kept.rawValue
            loop.stop()
        }
    }

    @Test func `stops waiting when it is cancelled and can wait again`() async throws {
        try await within {
            let loop = try EventLoop()
            let (a, b) = try UnixSocket.pair()
            let readiness = Readiness(a, on: loop)
            for _ in 0..<100 {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await readiness.readable() }
                    group.cancelAll()
                }
            }
            _ = try [UInt8]("x".utf8).withUnsafeBytes { try UnixSocket.send(b, $0) }
            try await readiness.readable()
            loop.stop()
        }
    }
}
