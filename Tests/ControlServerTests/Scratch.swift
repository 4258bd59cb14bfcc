import Glibc
import Linux

func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o700) == 0 else { throw LinuxError(call: "mkdir", code: errno) }
}

/// What these tests leave behind: a directory of files.
func removeTree(_ path: String) {
    do {
        let directory = try Files.openDirectory(atPath: path)
        for entry in try Beneath.list(directory) { try Beneath.removeFile(directory, entry.name) }
        rmdir(path)
    } catch {
        return
    }
}

func writeFile(_ path: String, _ text: String) {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard fd >= 0 else { return }
    write(fd, text, text.utf8.count)
    close(fd)
}

func mode(_ path: String) -> UInt32? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}
