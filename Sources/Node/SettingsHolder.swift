package import Settings
import Synchronization

/// The settings in force, replaced as a whole by a reload; whoever needs one asks at the time and keeps none.
package final class SettingsHolder: Sendable {
    private struct State {
        var inForce: DaemonSettings
        var configured: DaemonSettings
    }

    private let state: Mutex<State>

    package init(_ settings: DaemonSettings) {
        state = Mutex(State(inForce: settings, configured: settings))
    }

    package var current: DaemonSettings { state.withLock { $0.inForce } }
    /// As they were last read: what a restart would put into force.
    package var configured: DaemonSettings { state.withLock { $0.configured } }

    /// Decides and replaces in one step.
    func take(_ next: DaemonSettings) -> SettingsReload {
        state.withLock { state in
            let reload = SettingsReload(from: state.inForce, to: next)
            state = State(inForce: reload.inForce, configured: reload.configured)
            return reload
        }
    }
}
