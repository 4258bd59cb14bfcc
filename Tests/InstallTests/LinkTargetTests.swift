import Model
import Testing

@testable import Install

@Suite struct `The target of a symbolic link` {
    private func staysInside(_ target: String, at path: String) throws -> Bool {
        LinkTarget.staysInside(Array(target.utf8), at: try RelativePath(path))
    }

    @Test(arguments: [
        ("file", "link"), ("dir/file", "link"), ("../file", "dir/link"), ("../../x/y", "a/b/link"), ("./file", "link"),
        (".././file", "dir/link"), ("dir/", "link"), ("..", "dir/link"), (".", "dir/link"), ("名/前", "link"),
    ])
    func `may lead anywhere in the tree`(target: String, path: String) throws {
        #expect(try staysInside(target, at: path))
    }

    @Test(arguments: [
        ("", "link"), ("/etc/passwd", "link"), ("..", "link"), ("../file", "link"), ("../../file", "dir/link"),
        ("dir/../file", "link"), ("other/../../..", "a/b/link"), ("./../..", "dir/link"), ("a//b", "link"),
        ("a\\b", "link"), ("a\u{7}b", "link"), ("c:/windows", "link"), ("//", "link"), ("dir//", "link"),
        ("../..//etc", "dir/link"),
    ])
    func `never leads out of it, nor could`(target: String, path: String) throws {
        #expect(try !staysInside(target, at: path))
    }

    @Test func `is UTF-8 of a bounded length`() throws {
        let link = try RelativePath("link")
        #expect(!LinkTarget.staysInside([0xff], at: link))
        #expect(!LinkTarget.staysInside([UInt8](repeating: 65, count: 1_025), at: link))
        #expect(!LinkTarget.staysInside(Array(repeating: Array("./".utf8), count: 600).flatMap { $0 }, at: link))
    }
}
