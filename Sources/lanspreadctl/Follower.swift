import Control
import Glibc
import Linux
import Model

/// Waits for operations to end and shows how they go; nothing is missed, also when the daemon restarts meanwhile.
struct Follower {
    enum Ending {
        case ended
        /// The first Ctrl-C, and no second one.
        case left
        case timedOut
    }

    /// A second Ctrl-C within this time means: cancel.
    private static let secondThought = Duration.seconds(2)

    private let options: Options
    private let terminal: Terminal
    private let signals: SignalDescriptor
    private var connection: DaemonConnection
    private var progress: ProgressView
    private(set) var views: [OperationView] = []

    /// Subscribes; begin the operations after it, so that their events are all seen.
    init(_ connection: DaemonConnection, _ options: Options, _ terminal: Terminal) throws(Failure) {
        self.connection = connection
        self.options = options
        self.terminal = terminal
        progress = ProgressView(terminal, isHidden: options.noProgress)
        do {
            signals = try SignalDescriptor([SIGINT, SIGTERM])
        } catch {
            throw Failure(.internalFault, "Signals cannot be received: \(error.text).")
        }
        _ = try connection.call(.eventsSubscribe)
    }

    /// Follows one more operation.
    mutating func add(_ number: Int64) throws(Failure) {
        let json = try connection.call(.operationGet, ["operation_id": .int(number)])
        guard let view = OperationView(json) else {
            throw Failure(.internalFault, "The daemon did not say how operation \(number) stands.")
        }
        views.append(view)
    }

    private var isOver: Bool { views.allSatisfy(\.isEnded) }

    mutating func follow(until deadline: Deadline) throws(Failure) -> Ending {
        while true {
            do {
                try askAgainAfterGap()
            } catch {
                guard try isBack(after: error, deadline) else { return try leave() }
                continue
            }
            progress.show(views)
            if isOver { break }
            switch connection.wait(signals, until: .earlier(deadline, progress.deadline)) {
            case .readable:
                do {
                    try connection.receiveEvents()
                } catch {
                    guard try isBack(after: error, deadline) else { return try leave() }
                }
            case .interrupted: return try leave()
            case .timeout:
                if deadline.hasPassed {
                    progress.clear()
                    return .timedOut
                }
            }
        }
        progress.clear()
        return .ended
    }

    /// False: interrupted while the daemon was away.
    private mutating func isBack(after error: Failure, _ deadline: Deadline) throws(Failure) -> Bool {
        guard error.isLostConnection else { throw error }
        return try reattach(deadline)
    }

    // MARK: - What comes

    private var hasGap = false

    private mutating func takeEvents() {
        while let event = connection.takeEvent() {
            if event.name == EventName.gap { hasGap = true }
            if let operation = event.fields["operation"], let view = OperationView(operation) { update(view) }
        }
    }

    private mutating func update(_ view: OperationView) {
        guard let index = views.firstIndex(where: { $0.number == view.number }), !views[index].isEnded else { return }
        views[index] = view
    }

    /// A gap may also have come together with the reply to a call, so every turn looks for one before it waits.
    private mutating func askAgainAfterGap() throws(Failure) {
        takeEvents()
        guard hasGap else { return }
        hasGap = false
        try refresh()
    }

    private mutating func refresh() throws(Failure) {
        for view in views where !view.isEnded {
            let json = try connection.call(.operationGet, ["operation_id": .int(view.number)])
            if let view = OperationView(json) { update(view) }
        }
    }

    /// False: interrupted meanwhile.
    private mutating func reattach(_ deadline: Deadline) throws(Failure) -> Bool {
        progress.clear()
        while true {
            do {
                let signals = signals
                connection = try Reattachment(options, terminal).attach({ $0.isInterrupted(signals) }, until: deadline)
                _ = try connection.call(.eventsSubscribe)
                try refresh()
                return true
            } catch {
                if error.isLostConnection { continue }
                if error.kind == .cancelled { return false }
                throw error
            }
        }
    }

    // MARK: - Leaving

    private mutating func leave() throws(Failure) -> Ending {
        progress.clear()
        takeSignal()
        let running = views.filter { !$0.isEnded }.map(\.number)
        for number in running { terminal.message(Self.continues(number)) }
        terminal.message("Ctrl-C again cancels \(running.count == 1 ? "it" : "them").")
        guard Deadline(Self.secondThought).isInterrupted(signals) else { return .left }
        takeSignal()
        if terminal.canRedraw { terminal.draw("\r\u{1b}[K") }
        for number in running {
            let json = try connection.call(.operationCancel, ["operation_id": .int(number)])
            if let view = OperationView(json) { update(view) }
        }
        // A cancelled transfer ends in a quarter of a second; the tidying after it may take a little longer.
        for number in running where views.contains(where: { $0.number == number && !$0.isEnded }) {
            let json = try connection.call(
                .operationWait, ["operation_id": .int(number), "timeout": 10], within: DaemonConnection.answerLimit)
            if let view = OperationView(json) { update(view) }
        }
        return .ended
    }

    static func continues(_ number: Int64) -> String {
        "operation \(number) continues; cancel it with: lanspreadctl cancel \(number)"
    }

    private func takeSignal() {
        do {
            while try signals.next() != nil {}
        } catch {
            return
        }
    }
}

extension Deadline {
    /// Sleeps; true: a signal came first.
    func isInterrupted(_ signals: SignalDescriptor) -> Bool {
        var polled = [pollfd(fd: signals.descriptor.rawValue, events: Int16(POLLIN), revents: 0)]
        return poll(&polled, 1, milliseconds) > 0
    }

    func sleep() { poll(nil, 0, milliseconds) }
}
