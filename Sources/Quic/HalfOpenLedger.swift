import Linux

/// Which strangers may begin a handshake: a flood of first packets must not cost memory or keep others out.
struct HalfOpenLedger {
    enum Verdict: Hashable { case admit, askAgain, refuse }

    let limit: Int
    let limitPerAddress: Int
    let retryFrom: Int

    private(set) var count = 0
    private var perHost: [SocketAddress: Int] = [:]

    init(limit: Int, limitPerAddress: Int, retryFrom: Int) {
        self.limit = limit
        self.limitPerAddress = limitPerAddress
        self.retryFrom = retryFrom
    }

    /// - Parameter isProven: the stranger sent back our Retry token, so the address is its own.
    func judge(_ address: SocketAddress, isProven: Bool) -> Verdict {
        if count >= limit { return .refuse }
        if !address.isLoopback, perHost[Self.host(address), default: 0] >= limitPerAddress { return .refuse }
        if count >= retryFrom, !isProven { return .askAgain }
        return .admit
    }

    mutating func begin(_ address: SocketAddress) {
        count += 1
        perHost[Self.host(address), default: 0] += 1
    }

    mutating func finish(_ address: SocketAddress) {
        guard let ofHost = perHost[Self.host(address)], count > 0 else {
            preconditionFailure("a handshake with \(address) finished twice")
        }
        count -= 1
        perHost[Self.host(address)] = ofHost > 1 ? ofHost - 1 : nil
    }

    private static func host(_ address: SocketAddress) -> SocketAddress { address.withPort(0) }
}
