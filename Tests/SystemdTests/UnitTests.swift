import Linux
import Runtime
import TestKit
import Testing

/// The units as they are packed. A machine without systemd's tools cannot say, and tests nothing here.
@Suite struct `The units` {
    private static let analyze = "/usr/bin/systemd-analyze"
    private static let repository = String(#filePath.dropLast("/Tests/SystemdTests/UnitTests.swift".count))

    private static var hasAnalyze: Bool { (try? Files.status(atPath: analyze)) != nil }

    private func text(_ path: String) throws -> String {
        let file = try Files.openRead(atPath: "\(Self.repository)/\(path)")
        return String(decoding: try #require(try Files.readAll(file, limit: 1 << 20)), as: UTF8.self)
    }

    /// The values of one setting, in the order in which they stand.
    private func values(of key: String, in path: String) throws -> [String] {
        try text(path).split(separator: "\n").filter { $0.hasPrefix(key + "=") || $0.hasPrefix(key + " =") }
            .map { String($0.drop { $0 != "=" }.dropFirst().drop { $0 == " " }) }
    }

    private func run(_ arguments: [String]) async throws -> (isGood: Bool, output: String) {
        let place = try TemporaryDirectory()
        let output = try Files.create(atPath: place.path + "/output", mode: 0o600, exclusive: true)
        let loop = try EventLoop(name: "units")
        let process = try ChildProcess.spawn(
            Self.analyze, arguments: arguments, environment: ["PATH=/usr/bin:/bin"],
            descriptors: [try Files.openRead(atPath: "/dev/null"), output, output], on: loop)
        let ending = await process.wait()
        let text = try place.read("output") ?? []
        return (ending == .exited(status: 0), String(decoding: text, as: UTF8.self))
    }

    @Test(.enabled(if: hasAnalyze)) func `leave the daemon an exposure of at most 1.2`() async throws {
        let unit = "\(Self.repository)/systemd/lanspreadd.service"
        let (isGood, output) = try await run(["security", "--offline=true", "--threshold=12", "--no-pager", unit])
        #expect(isGood, "\(output)")
        #expect(output.contains("Overall exposure level"))
    }

    @Test(.enabled(if: hasAnalyze)) func `are written as systemd reads them`() async throws {
        let place = try TemporaryDirectory()
        for name in ["lanspreadd.service", "lanspreadd.socket"] {
            // Programs and pages that are not installed here are no fault of the unit.
            let lines = try text("systemd/\(name)").split(separator: "\n").filter { !$0.hasPrefix("Documentation=") }
                .map { line in
                    for key in ["ExecStart=", "ExecReload="] where line.hasPrefix(key) { return key + "/bin/true" }
                    return String(line)
                }
            try place.write(name, lines.joined(separator: "\n").utf8)
        }
        let units = ["lanspreadd.service", "lanspreadd.socket"].map { "\(place.path)/\($0)" }
        let (isGood, output) = try await run(["verify", "--recursive-errors=no"] + units)
        #expect(isGood, "\(output)")
        #expect(output.split(separator: "\n").filter { $0.contains("lanspreadd.") } == [])
    }

    @Test func `do not start again what would fail again, and nothing that was told to stop`() throws {
        let unit = "systemd/lanspreadd.service"
        #expect(try values(of: "RestartPreventExitStatus", in: unit) == ["64 77 78"])
        #expect(try values(of: "Restart", in: unit) == ["on-failure"])
        #expect(try values(of: "StartLimitIntervalSec", in: unit) == ["0"])
    }

    @Test func `come with room for the UDP buffers that the daemon asks for`() throws {
        let wanted = ["\(UdpSocket.wantedBufferBytes)"]
        #expect(try values(of: "net.core.rmem_max", in: "systemd/lanspread.sysctl") == wanted)
        #expect(try values(of: "net.core.wmem_max", in: "systemd/lanspread.sysctl") == wanted)
    }
}
