import Model

/// Cuts the helper's byte stream into frames. Bytes are read straight into its one buffer and data is handed out where
/// it lies, so a file's bytes are copied once, by the kernel.
///
/// Any bytes give frames or an error; a frame longer than `Limits.helperFrameBytes` is refused from its header.
package struct FrameDecoder: Sendable {
    /// Four of the longest frames: a read fills what is free, and what is left of a frame moves to the front.
    private static let capacity = 4 * (Limits.helperFrameBytes + FrameCodec.headerBytes)

    private var buffer = [UInt8](repeating: 0, count: FrameDecoder.capacity)
    private var start = 0
    private var end = 0

    package init() {}

    /// Bytes that wait for the rest of their frame.
    package var pending: Int { end - start }

    /// Reads once into the free part of the buffer, which is never empty after `next` answered nil.
    ///
    /// - Returns: what `read` returned: the number of bytes, 0 at the end of the stream.
    package mutating func fill<Failure: Error>(
        _ read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        if start > 0 {
            buffer.withUnsafeMutableBytes { all in
                // memmove: the two runs may overlap.
                all.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[start..<end]))
            }
            end -= start
            start = 0
        }
        let free = end
        var failure: Failure?
        let count = buffer.withUnsafeMutableBytes { all -> Int in
            do throws(Failure) {
                return try read(UnsafeMutableRawBufferPointer(rebasing: all[free...]))
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        precondition(count >= 0 && count <= buffer.count - end, "a read of \(count) bytes")
        end += count
        return count
    }

    /// The next frame, or nil when more bytes are needed. A data frame's bytes stay until the next `fill`.
    package mutating func next() throws(FrameFault) -> Frame? {
        guard pending >= FrameCodec.headerBytes else { return nil }
        let length =
            Int(buffer[start + 1]) << 24 | Int(buffer[start + 2]) << 16 | Int(buffer[start + 3]) << 8
            | Int(buffer[start + 4])
        guard let kind = FrameCodec.Kind(rawValue: buffer[start]) else { throw .unknownKind(buffer[start]) }
        guard length <= Limits.helperFrameBytes else { throw .tooLong(length) }
        guard pending - FrameCodec.headerBytes >= length else { return nil }
        let payload = start + FrameCodec.headerBytes..<start + FrameCodec.headerBytes + length
        start = payload.upperBound
        if kind == .data {
            guard length > 0 else { throw .malformed }
            return .data(payload)
        }
        return try FrameCodec.decode(kind, Array(buffer[payload]))
    }

    package func withData<Value, Failure: Error>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var outcome: Result<Value, Failure>?
        buffer.withUnsafeBytes { all in
            do throws(Failure) {
                outcome = .success(try body(UnsafeRawBufferPointer(rebasing: all[range])))
            } catch {
                outcome = .failure(error)
            }
        }
        guard let outcome else { preconditionFailure("the body of withData did not run") }
        return try outcome.get()
    }
}
