import Fixture
import TestKit
import Testing

@testable import Install

@Suite struct `An installer and a hostile archive` {
    /// A package that must be refused, and a word of its sentence.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let words: String
        let bytes: [UInt8]

        init(_ name: String, _ words: String, _ bytes: [UInt8]) {
            testDescription = name
            self.words = words
            self.bytes = bytes
        }

        init(_ name: String, _ words: String, _ entries: [Rar5Entry]) {
            self.init(name, words, Rar5Writer.bytes(entries))
        }
    }

    private static func changed(_ change: (inout Rar5Entry) -> Void) -> [Rar5Entry] {
        var entry = Rar5Entry.file("b", .text("bytes"))
        change(&entry)
        return [.file("a", .text("first")), entry]
    }

    static let cases: [Case] = [
        Case("climbs", "climbs", [.file("../a", .text("x"))]),
        Case("climbs in the middle", "climbs", [.file("a/../../b", .text("x"))]),
        Case("is absolute", "root of the file system", [.file("/etc/a", .text("x"))]),
        Case("has a drive", "drive", [.file("c:/a", .text("x"))]),
        Case("has a backslash", "backslash", [.file("a\\b", .text("x"))]),
        Case("has a control character", "control", [.file("a\u{1b}[2J", .text("x"))]),
        Case("is too deep", "deeper", [.file(Array(repeating: "d", count: 65).joined(separator: "/"), .text("x"))]),
        Case("has a name too long", "longer", [.file(String(repeating: "n", count: 256), .text("x"))]),
        Case("brings our marker", "reserved", [.file(".lanspread_owned", .text("x"))]),
        Case("comes twice", "twice", [.file("a", .text("x")), .file("a", .text("y"))]),
        Case("collides by case", "case", [.file("a", .text("x")), .file("A", .text("y"))]),
        Case("is file and directory", "file and a directory", [.file("a", .text("x")), .file("a/b", .text("y"))]),
        Case("links out", "points out", [.symlink("a", to: "../../etc")]),
        Case("links to the root", "points out", [.symlink("a", to: "/etc/passwd")]),
        Case("climbs behind a link", "points out", [.symlink("a/b", to: "../c/../../..")]),
        Case("writes through a link", "file and a directory", [.symlink("a", to: "b"), .file("a/c", .text("x"))]),
        Case("links hard to nothing", "came before", [Rar5Entry([97], .hardLink(target: Array("/etc/passwd".utf8)))]),
        Case("has a wrong sum", "checksum", changed { $0.crc32 = 7 }),
        Case("has a broken header", "checksum of a header", changed { $0.hasBadHeader = true }),
        Case("declares more than it stores", "declares", changed { $0.size = 1 << 40 }),
        Case("stores beyond its end", "end mark", changed { ($0.size, $0.packedSize) = (1 << 20, 1 << 20) }),
        Case("wants a huge dictionary", "install unrar or unar", changed { $0.dictionaryBits = 15 }),
        Case("has nonsense for data", "damaged", changed { $0.method = 3 }),
        Case("claims a tebibyte", "more bytes", changed { ($0.method, $0.size) = (3, 1 << 40) }),
        Case("is of no known kind", "no file, directory or link", changed { $0.mode = 0o010644 }),
        Case("has no end", "end mark", Rar5Writer.bytes([.file("a", .text("x"))], hasEnd: false)),
        Case("is cut", "end mark", Array(Rar5Writer.bytes([.file("a", .text("long enough"))]).dropLast(12))),
        Case("has more behind its end", "follow its end", Rar5Writer.bytes([.file("a", .text("x"))]) + [1]),
        Case("is empty", "damaged", [UInt8]()),
        Case("is no archive", "damaged", [UInt8](repeating: 0x2a, count: 10_000)),
        Case("is a tar with a fifo", "no file, directory or link", Tar.bytes([.init("f", type: "6")])),
        Case("is a tar with a device", "no file, directory or link", Tar.bytes([.init("d", type: "3")])),
        Case("is a tar that climbs", "climbs", Tar.bytes([.init("../f", "x")])),
        Case("is a tar that is cut", "damaged", Array(Tar.bytes([.init("f", "xyz")]).prefix(514))),
    ]

    @Test(arguments: cases)
    func `refuses what`(hostile: Case) async throws {
        let bench = try InstallBench(package: hostile.bytes)
        let error = try await within { try await bench.refusal() }
        guard case .refused = error else { return #expect(Bool(false), "\(error)") }
        #expect(error.sentence.contains(hostile.words), "\(error.sentence)")
        #expect(!error.sentence.contains("\u{1b}"))
    }

    @Test func `still takes a tar of the usual kind`() async throws {
        let tar = Tar.bytes([
            .init("./", type: "5"), .init("./dir/", type: "5"), .init("./dir/f", "text"),
            .init("./l", type: "2", link: "dir/f"), .init("./h", type: "1", link: "./dir/f"),
        ])
        let bench = try InstallBench(package: tar)
        try await within { try await bench.install() }
        let items = try Item.tree("\(bench.directory.path)/quake/local")
        #expect(items.keys.sorted() == ["dir", "dir/f", "h", "l"])
        #expect(items["h"]?.bytes == Array("text".utf8))
    }
}

/// A writer of `ustar` headers, as small as a test needs.
enum Tar {
    struct Member {
        let name: String
        let content: String
        let type: Character
        let link: String

        init(_ name: String, _ content: String = "", type: Character = "0", link: String = "") {
            self.name = name
            self.content = content
            self.type = type
            self.link = link
        }
    }

    static func bytes(_ members: [Member]) -> [UInt8] {
        members.flatMap(bytes(of:)) + [UInt8](repeating: 0, count: 1_024)
    }

    private static func bytes(of member: Member) -> [UInt8] {
        var header = field(member.name, 100) + field("0000644", 8) + field("0000000", 8) + field("0000000", 8)
        header += field(octal(member.content.utf8.count, 11), 12) + field("00000000000", 12)
        header += Array("        ".utf8) + Array(String(member.type).utf8) + field(member.link, 100)
        header += Array("ustar\u{0}00".utf8) + [UInt8](repeating: 0, count: 247)
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<156, with: field(octal(sum, 6), 7) + [0x20])
        let padding = [UInt8](repeating: 0, count: (512 - member.content.utf8.count % 512) % 512)
        return header + Array(member.content.utf8) + padding
    }

    private static func field(_ text: String, _ count: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0, count: count - text.utf8.count)
    }

    private static func octal(_ number: Int, _ digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
