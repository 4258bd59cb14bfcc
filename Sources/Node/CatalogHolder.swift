import Database
package import Model
import Synchronization

/// The catalog in force. Replaced as a whole; an operation keeps the entry that it began with.
package final class CatalogHolder: Sendable {
    private let state: Mutex<CatalogState>

    package init(_ catalog: Catalog?) { state = Mutex(CatalogState(catalog.map(Self.unnamed))) }

    package var current: Catalog { state.withLock { $0.inForce?.reading.catalog } ?? .empty }
    /// False: none was found, or the one that was is refused; the daemon is ready but degraded.
    package var isThere: Bool { state.withLock { $0.inForce != nil } }

    var inForce: CatalogInForce? { state.withLock { $0.inForce } }
    var problem: String? { state.withLock { $0.problem } }

    /// Decides and replaces in one step.
    func take(_ look: CatalogLook, at place: CatalogPlace) -> CatalogState.Step {
        state.withLock { $0.take(look, at: place) }
    }

    /// Puts a catalog that no file holds in the place of the one in force.
    package func replace(_ catalog: Catalog?) {
        state.withLock { $0 = CatalogState(catalog.map(Self.unnamed)) }
    }

    private static func unnamed(_ catalog: Catalog) -> CatalogInForce {
        var reading = CatalogReading()
        reading.catalog = catalog
        return CatalogInForce(place: CatalogPlace(path: "", isNamed: false), reading: reading)
    }
}
