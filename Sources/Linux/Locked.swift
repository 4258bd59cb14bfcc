import Glibc

/// A value that one thread at a time may touch; nothing in the closure may wait.
///
/// Synchronization's `Mutex` would do, but the thread sanitizer does not see its lock (Swift 6.3 on Linux) and reports
/// every use of it. This one is a pthread mutex, which it knows.
package struct Locked<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // Both stay where they were made, and the value is reached under the mutex only: hence @unchecked.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ initial: consuming sending Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        value = .allocate(capacity: 1)
        value.initialize(to: initial)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        value.deinitialize(count: 1)
        value.deallocate()
    }

    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
