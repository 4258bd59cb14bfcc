import Runtime
import TestKit
import Testing

@Suite struct `A one-shot` {
    @Test func `gives the first value to all who wait, before and after`() async throws {
        try await within {
            let shot = OneShot<Int>()
            async let early = shot.take()
            async let other = shot.take()
            #expect(shot.give(1))
            #expect(!shot.give(2))
            #expect(await early == 1)
            #expect(await other == 1)
            #expect(await shot.take() == 1)
            #expect(shot.value == 1)
        }
    }

    @Test func `is given by a cancelled taker`() async throws {
        try await within {
            let shot = OneShot<Int>()
            let value = await withTaskGroup(of: Int.self) { group in
                group.addTask { await shot.take(orGive: 7) }
                group.cancelAll()
                return await group.next()
            }
            #expect(value == 7)
            #expect(!shot.give(8))
        }
    }

    @Test func `is resumed once when giving and cancelling meet`() async throws {
        try await within {
            for _ in 0..<500 {
                let shot = OneShot<Int>()
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let value = await shot.take(orGive: 2)
                        #expect(value == shot.value)
                    }
                    group.addTask { shot.give(1) }
                    group.cancelAll()
                }
            }
        }
    }
}

@Suite struct `A gate` {
    @Test func `lets all through that wait when it opens`() async throws {
        try await within {
            let gate = AsyncGate()
            async let first: Void = gate.wait()
            async let second: Void = gate.wait()
            gate.open()
            try await first
            try await second
            try await gate.wait()
            #expect(gate.isOpen)
        }
    }

    @Test func `lets a cancelled one go and keeps the others`() async throws {
        try await within {
            let gate = AsyncGate()
            async let other: Void = gate.wait()
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        try await gate.wait()
                        return false
                    } catch {
                        return true
                    }
                }
                group.cancelAll()
                #expect(await group.next() == true)
            }
            #expect(!gate.isOpen)
            gate.open()
            try await other
        }
    }
}
