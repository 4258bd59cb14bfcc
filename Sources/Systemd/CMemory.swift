import Glibc

/// Memory that a C library made with malloc and left to us.
enum CMemory {
    static func free(_ pointer: UnsafeMutableRawPointer?) {
        Glibc.free(pointer)
    }
}
