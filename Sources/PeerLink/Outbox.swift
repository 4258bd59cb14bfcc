import Model
import Quic
import Runtime
import Synchronization

/// Control messages on their way out, in the order of the calls; one task writes them.
///
/// Its law: everyone who posts is answered, whatever becomes of the link.
final class Outbox: Sendable {
    private struct Letter {
        let bytes: [UInt8]
        /// Nil when it was written.
        let outcome: OneShot<LinkError?>
    }

    private struct State {
        var waiting: [Letter] = []
        var end: LinkError?
    }

    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation

    init() {
        (arrivals, arrived) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Returns when the message has gone into packets.
    func post(_ bytes: [UInt8]) async throws(LinkError) {
        guard let outcome = add(bytes) else { throw state.withLock { $0.end } ?? .tooSlow(after: .zero) }
        if let error = await outcome.take(orGive: .cancelled) { throw error }
    }

    /// Nil when the link has ended or too many messages wait.
    func add(_ bytes: [UInt8]) -> OneShot<LinkError?>? {
        let letter = Letter(bytes: bytes, outcome: OneShot())
        let isTaken = state.withLock { state in
            guard state.end == nil, state.waiting.count < Limits.peerMessages else { return false }
            state.waiting.append(letter)
            return true
        }
        guard isTaken else { return nil }
        arrived.yield()
        return letter.outcome
    }

    /// Writes until the link ends or the peer does not take one message in the stall window.
    func run(_ stream: QuicStream, _ time: any TimeSource) async -> LinkError {
        for await _ in arrivals {
            while let letter = next() {
                do throws(LinkError) {
                    try await limited(to: Limits.stallWindow, time) { () throws(LinkError) in
                        try await stream.put(letter.bytes)
                    }
                    letter.outcome.give(nil)
                } catch {
                    letter.outcome.give(error)
                    return error
                }
            }
        }
        return .cancelled
    }

    /// No message is taken any more, and those that wait fail.
    func end(_ error: LinkError) {
        let waiting = state.withLock { state in
            if state.end == nil { state.end = error }
            defer { state.waiting.removeAll() }
            return state.waiting
        }
        for letter in waiting { letter.outcome.give(error) }
        arrived.finish()
    }

    private func next() -> Letter? {
        state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
    }
}
