import Archive
import Glibc
import Linux
import Model
import Unpack

/// Reads one archive from descriptor 0 and writes frames to descriptor 1; it can do nothing else.
///
/// Started by the daemon, never by people. Its last frame is an end or a refusal; anything else means that it died.
@main
enum Helper {
    static func main() {
        guard CommandLine.arguments.count == 1 else {
            usage()
            exit(HelperStatus.usage)
        }
        let source = Descriptor(adopting: 0)
        var output = FrameOutput(Descriptor(adopting: 1))
        // Before the sandbox: loading a locale opens files.
        guard Locale.useUTF8Characters() else {
            refuse("this system has no C.UTF-8 locale", HelperStatus.noSandbox, &output)
        }
        do throws(LinuxError) {
            try Sandbox.enter(
                Sandbox.Bounds(memoryBytes: Limits.helperMemoryBytes, processorSeconds: Limits.helperProcessorSeconds))
        } catch {
            refuse(
                "the unpacker cannot lock itself in (\(error.call): \(error.text))", HelperStatus.noSandbox, &output)
        }
        do throws(ArchiveError) {
            var extraction = try Extraction(source)
            try extraction.run(into: &output)
        } catch {
            refuse(error.reason, HelperStatus.refused, &output)
        }
        exit(HelperStatus.done)
    }

    private static func refuse(_ reason: String, _ status: Int32, _ output: inout FrameOutput) -> Never {
        output.append(FrameCodec.refusal(reason))
        output.flush()
        exit(status)
    }

    private static func usage() {
        let text = "lanspread-unpack is started by lanspreadd: it reads an archive from its input and writes frames.\n"
        var bytes = Array(text.utf8)
        // Whether anybody reads it changes nothing.
        _ = bytes.withUnsafeMutableBytes { write(2, $0.baseAddress, $0.count) }
    }
}

/// How the helper exits; the daemon believes frames and only compares.
enum HelperStatus {
    static let done: Int32 = 0
    static let refused: Int32 = 1
    static let usage: Int32 = 2
    static let noSandbox: Int32 = 3
    static let nobodyListens: Int32 = 4
}
