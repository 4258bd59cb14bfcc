import Glibc

/// The one locale category that a C library looks at behind our back.
package enum Locale {
    /// Names in archives are UTF-8 whatever the service's environment says: libarchive converts to LC_CTYPE.
    ///
    /// - Returns: false where the C library does not have the locale.
    package static func useUTF8Characters() -> Bool {
        setlocale(LC_CTYPE, "C.UTF-8") != nil
    }
}
