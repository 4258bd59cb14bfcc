/// The kernel gave a UDP socket less buffer than was asked for: whatever comes while the loop is busy is then lost and
/// sent again. Everything works, more slowly.
struct BufferShortage: Hashable {
    let granted: Int
    let wanted: Int

    /// Nil when there is enough.
    init?(granted: Int, wanted: Int) {
        guard granted < wanted else { return nil }
        self.granted = granted
        self.wanted = wanted
    }

    /// One line. The settings of the package are the same two; they have not been read yet, or belong to the host of a
    /// container.
    var sentence: String {
        "Transfers are slower than they could be: the kernel gives UDP sockets \(granted >> 10) KiB of buffer where "
            + "\(wanted >> 10) KiB are wanted. As root (of a container: on its host) type: "
            + "sysctl -w net.core.rmem_max=\(wanted) net.core.wmem_max=\(wanted); "
            + "then: systemctl restart lanspreadd"
    }
}
