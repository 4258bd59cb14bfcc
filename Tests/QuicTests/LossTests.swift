import Quic
import Runtime
import TestKit
import Testing

@Suite struct `A bad network` {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `changes no byte and keeps no block`(seed: UInt64) async throws {
        try await within(.seconds(30)) {
            let client = try await Host()
            let server = try await Host()
            let link = try await LossyLink(to: server.address, seed: seed, lossPerThousand: 20)
            var arrivals = server.server.accepted.makeAsyncIterator()
            let dialled = try await client.server.connect(to: link.address)
            let accepted = try #require(await arrivals.next())
            let chunk = 1 << 20
            let pool = MemoryPool(blockBytes: chunk, limit: 3)
            let ours = try await dialled.openStream()
            try await ours.write([1], end: true)
            var inbound = accepted.inbound.makeAsyncIterator()
            let theirs = try #require(await inbound.next())
            async let sending: Void = {
                for number in 0..<8 {
                    let block = try await pool.acquire()
                    fill(block, number)
                    try await theirs.write(block, count: chunk, end: number == 7)
                }
            }()
            let place = MemoryPool(blockBytes: chunk, limit: 1)
            for number in 0..<8 {
                let block = try await place.acquire()
                try await ours.read(into: block, count: chunk)
                #expect(isFilled(block, number))
            }
            #expect(try await ours.read(upTo: 1) == nil)
            try await sending
            try await eventually { pool.lent == 0 }
            withExtendedLifetime(link) {}
        }
    }
}
