package import Linux

/// What a QuicServer is told once; every limit is a value here, since this target knows no Model.
package struct QuicSettings: Sendable {
    /// One socket each; port 0 takes any. A dial leaves through the first socket of the target's family.
    package var listen: [SocketAddress]
    /// Both sides must name the same, or there is no connection.
    package var alpn: String
    package var connections = 256
    package var halfOpen = 64
    /// Loopback is excepted: there every peer has the same address.
    package var halfOpenPerAddress = 4
    /// So many half-open handshakes are load: from then on a stranger first has to prove its address by a Retry.
    package var halfOpenBeforeRetry = 16
    /// The streams that a peer may have open towards us.
    package var streamsPerConnection = 33
    package var handshakeDeadline = Duration.seconds(5)
    package var idleTimeout = Duration.seconds(30)
    /// Connections that wait for their consumer; one more is closed.
    package var acceptBacklog = 64
    /// Stream bytes per second over all connections; nil sends as fast as the path allows.
    package var sendBytesPerSecond: UInt64?
    /// For a stream that we open: 1 MiB keeps a 10 Gbit/s peer busy for as long as the next block takes to come.
    package var streamWindowBytes: UInt64 = 1 << 20
    /// For a stream that the peer opens: 256 connections with 33 of them each hold at most 135 MiB of unread bytes.
    package var requestWindowBytes: UInt64 = 16 << 10
    /// Bounds what one connection can put into our memory.
    package var connectionWindowBytes: UInt64 = 16 << 20
    /// Asked of the kernel for each socket, in each direction; it may give less.
    package var socketBufferBytes = UdpSocket.wantedBufferBytes

    package init(listen: [SocketAddress], alpn: String) {
        self.listen = listen
        self.alpn = alpn
    }
}

/// What has gone over the sockets since the server began to run.
package struct QuicCounters: Hashable, Sendable {
    package var datagramsReceived: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var receiveCalls: UInt64 = 0
    package var datagramsSent: UInt64 = 0
    package var bytesSent: UInt64 = 0
    package var sendCalls: UInt64 = 0
    /// Datagrams without a byte.
    package var emptyDatagrams: UInt64 = 0
    /// Datagrams that no connection wanted.
    package var strayDatagrams: UInt64 = 0
    /// Handshakes that a limit turned away.
    package var refusedHandshakes: UInt64 = 0
    package var retries: UInt64 = 0
    /// Sends that found the socket full.
    package var fullSockets: UInt64 = 0
    package var connections = 0
    package var halfOpen = 0
}
