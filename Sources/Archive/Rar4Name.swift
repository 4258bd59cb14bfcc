/// The name field of a RAR4 file header: bytes of some code page, UTF-8, or both spellings in one compressed form.
enum Rar4Name {
    /// - Returns: UTF-8 (or the raw bytes of an old archive, which the path rules refuse unless they are UTF-8 by luck)
    ///   with `/` between the components.
    static func decode(_ field: ArraySlice<UInt8>, isUnicode: Bool) throws(ArchiveError) -> [UInt8] {
        var bytes: [UInt8]
        if isUnicode, let end = field.firstIndex(of: 0) {
            let units = try expand(Array(field[field.index(after: end)...]), plain: Array(field[..<end]))
            guard let text = String(validating: units, as: UTF16.self) else { throw .damaged("a name is not Unicode") }
            bytes = Array(text.utf8)
        } else {
            bytes = Array(field)
        }
        for index in bytes.indices where bytes[index] == UInt8(ascii: "\\") { bytes[index] = UInt8(ascii: "/") }
        guard !bytes.isEmpty else { throw .damaged("a name is empty") }
        return bytes
    }

    /// RAR's own compression: a common high byte, then two bits a unit that say where the unit comes from.
    private static func expand(_ packed: [UInt8], plain: [UInt8]) throws(ArchiveError) -> [UInt16] {
        let cut = ArchiveError.damaged("a name is cut short")
        var fields = RarFields(packed[...])
        guard let highByte = fields.uint8() else { throw cut }
        let high = UInt16(highByte) << 8
        var units: [UInt16] = []
        var flags: UInt8 = 0
        var flagsLeft = 0
        while fields.remaining > 0 {
            if flagsLeft == 0 {
                guard let next = fields.uint8() else { throw cut }
                flags = next
                flagsLeft = 4
            }
            // A last byte of flags may have no unit behind it.
            guard fields.remaining > 0 else { break }
            switch flags >> 6 {
            case 0:
                guard let low = fields.uint8() else { throw cut }
                units.append(UInt16(low))
            case 1:
                guard let low = fields.uint8() else { throw cut }
                units.append(high | UInt16(low))
            case 2:
                guard let unit = fields.uint16() else { throw cut }
                units.append(unit)
            default:
                guard let length = fields.uint8() else { throw cut }
                var correction: UInt8 = 0
                if length & 0x80 != 0 {
                    guard let value = fields.uint8() else { throw cut }
                    correction = value
                }
                for _ in 0..<Int(length & 0x7f) + 2 where units.count < plain.count {
                    let low = UInt16(plain[units.count] &+ correction)
                    units.append(length & 0x80 != 0 ? high | low : low)
                }
            }
            flags <<= 2
            flagsLeft -= 1
        }
        return units
    }
}
