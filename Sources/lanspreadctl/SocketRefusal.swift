import Control
import Glibc
import Linux
import Model

/// Why the kernel did not let us into the control socket, and what helps. Nobody but the kernel decides it: the socket
/// is open to its owner and its group.
struct SocketRefusal {
    let path: String
    let user: String
    /// The socket's group.
    let group: String
    /// The user database has the user in the group; then this session began before it did.
    let isMember: Bool

    var failure: Failure {
        if isMember {
            return Failure(
                .notAllowed, "You have been put into group \(group) since you logged in.", subject: path,
                hint: "Log in again, or type: newgrp \(group)")
        }
        return Failure(
            .notAllowed, "You are not in group \(group), so you may not talk to the daemon.", subject: path,
            hint: "As root type: adduser \(user) \(group); then log in again.")
    }
}

extension SocketRefusal {
    /// Asks the system about this process and the socket; what it does not say is as after a normal installation.
    init(_ path: String) {
        self.path = path
        let identity = getpwuid(getuid())?.pointee
        user = identity.flatMap { $0.pw_name.map { String(cString: $0) } } ?? "#\(getuid())"
        var status = stat()
        guard stat(path, &status) == 0, let entry = getgrgid(status.st_gid)?.pointee else {
            (group, isMember) = ("lanspread", false)
            return
        }
        group = entry.gr_name.map { String(cString: $0) } ?? "lanspread"
        isMember = Self.isMember(user, of: status.st_gid, primary: identity?.pw_gid ?? getgid())
    }

    /// As the next session would begin, which may be more than this process has.
    private static func isMember(_ user: String, of group: gid_t, primary: gid_t) -> Bool {
        // Users are in fewer groups than the kernel takes (NGROUPS_MAX).
        var groups = [gid_t](repeating: 0, count: 65_536)
        var count = Int32(groups.count)
        guard getgrouplist(user, primary, &groups, &count) >= 0 else { return false }
        return groups.prefix(Int(count)).contains(group)
    }
}
