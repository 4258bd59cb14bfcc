/// Whose bytes leave next: each member has a turn of `quantum` bytes, then the next one has.
///
/// Members that have nothing to send, or may not, are taken out by whoever notices; they come back at the end.
struct TurnQueue<Member: AnyObject> {
    let quantum: Int

    private var ring: [Member] = []
    private var turn = 0
    private var spent = 0

    init(quantum: Int) {
        precondition(quantum > 0, "a turn of nothing never ends")
        self.quantum = quantum
    }

    var isEmpty: Bool { ring.isEmpty }

    var current: Member? { ring.isEmpty ? nil : ring[turn] }

    /// Puts a member behind all that are waiting; the caller knows that it is not in the queue.
    mutating func append(_ member: Member) {
        ring.insert(member, at: turn)
        turn = ring.count == 1 ? 0 : turn + 1
    }

    mutating func spend(_ bytes: Int) {
        spent += bytes
        guard spent >= quantum else { return }
        spent = 0
        turn = turn + 1 < ring.count ? turn + 1 : 0
    }

    mutating func removeCurrent() {
        guard !ring.isEmpty else { return }
        ring.remove(at: turn)
        spent = 0
        if turn >= ring.count { turn = 0 }
    }

    mutating func remove(_ member: Member) {
        guard let index = ring.firstIndex(where: { $0 === member }) else { return }
        if index == turn { return removeCurrent() }
        ring.remove(at: index)
        if index < turn { turn -= 1 }
    }

    mutating func removeAll() {
        ring.removeAll()
        turn = 0
        spent = 0
    }
}
