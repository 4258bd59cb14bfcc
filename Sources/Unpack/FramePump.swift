import Linux
import Runtime
import Synchronization

/// The receiving end of the helper's pipe: bytes become frames, frames become events.
///
/// Only ever used by one disk job at a time, each awaited before the next; hence @unchecked.
final class FramePump<Failure: Error>: @unchecked Sendable {
    /// Reads of one job: 8 MiB at most, then other work of the disk threads gets its turn.
    private static var readsPerJob: Int { 8 }

    private let source: Descriptor
    private let receive: @Sendable (UnpackEvent) throws(Failure) -> Void
    private var decoder = FrameDecoder()
    private var sequence = FrameSequence()

    init(_ source: Descriptor, _ receive: @escaping @Sendable (UnpackEvent) throws(Failure) -> Void) {
        self.source = source
        self.receive = receive
    }

    var refusal: String? { sequence.refusal }

    func finish() throws(FrameFault) { try sequence.finish(pending: decoder.pending) }

    /// - Returns: whether the stream has ended.
    func takeWhatIsThere() throws(UnpackStop<Failure>) -> Bool {
        for _ in 0..<FramePump.readsPerJob {
            let count = try read()
            guard let count else { return false }
            if count == 0 { return true }
            try takeFrames()
        }
        return false
    }

    /// Nil when the pipe is empty.
    private func read() throws(UnpackStop<Failure>) -> Int? {
        var isEmpty = false
        do throws(LinuxError) {
            let count = try decoder.fill { buffer throws(LinuxError) in
                guard let count = try source.read(into: buffer) else {
                    isEmpty = true
                    return 0
                }
                return count
            }
            return isEmpty ? nil : count
        } catch {
            throw .helper(.pipeFailed(error))
        }
    }

    private func takeFrames() throws(UnpackStop<Failure>) {
        while let frame = try decode() {
            if case .data(let range) = frame {
                try decoder.withData(range) { run throws(UnpackStop<Failure>) in
                    do throws(FrameFault) {
                        try sequence.accept(data: run)
                    } catch {
                        throw .helper(.misbehaved(error.reason))
                    }
                    try hand(.data(run))
                }
            } else if let event = try check(frame) {
                try hand(event)
            }
        }
    }

    private func decode() throws(UnpackStop<Failure>) -> Frame? {
        do throws(FrameFault) {
            return try decoder.next()
        } catch {
            throw .helper(.misbehaved(error.reason))
        }
    }

    private func check(_ frame: Frame) throws(UnpackStop<Failure>) -> UnpackEvent? {
        do throws(FrameFault) {
            return try sequence.accept(frame)
        } catch {
            throw .helper(.misbehaved(error.reason))
        }
    }

    private func hand(_ event: UnpackEvent) throws(UnpackStop<Failure>) {
        do throws(Failure) {
            try receive(event)
        } catch {
            throw .receiver(error)
        }
    }
}
