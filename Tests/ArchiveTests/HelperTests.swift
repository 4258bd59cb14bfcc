import Fixture
import Linux
import Runtime
import TestKit
import Testing
import Unpack

@Suite struct `The unpack helper` {
    private func status(_ pid: Int32, _ field: String) -> String? {
        guard let file = try? Files.openRead(atPath: "/proc/\(pid)/status"),
            let bytes = try? Files.readAll(file, limit: 1 << 16)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(field + ":") }
            .map { $0.drop { $0 != "\t" }.dropFirst() }.map(String.init)
    }

    /// The reading end of a pipe with `bytes` in it and its end behind them.
    private func filledPipe(_ bytes: [UInt8]) throws -> Descriptor {
        let pipe = try Descriptor.pipe()
        #expect(try bytes.withUnsafeBytes { try pipe.write.write($0) } == bytes.count)
        return pipe.read
    }

    @Test func `locks itself in before it reads a byte`() async throws {
        let loops = try Loops(netLoops: 1, diskWorkers: 1)
        defer { loops.stop() }
        // Nothing is ever written: it stands before the first byte.
        let input = try Descriptor.pipe()
        let output = try Descriptor.pipe()
        let stray = try Descriptor.pipe()
        let child = try await loops.disk.run { () throws(LinuxError) in
            try ChildProcess.spawn(
                Corpus.helperPath, descriptors: [input.read, output.write, output.write, stray.read], on: loops.net[0])
        }
        try await within {
            while status(child.pid, "Seccomp") != "2" {
                try Task.checkCancellation()
                await Task.yield()
            }
        }
        #expect(status(child.pid, "NoNewPrivs") == "1")
        let open = try Beneath.list(try Files.openDirectory(atPath: "/proc/\(child.pid)/fd"))
        #expect(open.map { String(decoding: $0.name, as: UTF8.self) }.sorted() == ["0", "1", "2"])
        child.kill()
        #expect(await child.wait() == .signalled(9))
    }

    @Test func `reads from a pipe as well as from a file`() async throws {
        let loops = try Loops(netLoops: 1, diskWorkers: 2)
        defer { loops.stop() }
        let bytes = Rar5Writer.bytes([.file("a", .text("abc"))])
        let archive = try filledPipe(bytes)
        let child = UnpackChild(
            helperPath: Corpus.helperPath, loop: loops.net[0], disk: loops.disk, log: Log.silent)
        let seen = Trace<String>()
        try await within {
            try await child.run(archive: archive) { (event) throws(Never) in
                switch event {
                case .entry(let header): seen.record(String(decoding: header.path, as: UTF8.self))
                case .data(let run): seen.record(String(decoding: run, as: UTF8.self))
                case .entryEnd: seen.record("end")
                case .progress: break
                }
            }
        }
        #expect(seen.events == ["a", "abc", "end"])
    }
}
