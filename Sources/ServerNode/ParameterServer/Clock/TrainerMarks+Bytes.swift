internal import Domain
internal import Format

/// Marks in a snapshot's footer, by name: the same marks, the same bytes.
extension TrainerMarks {
    func write(to writer: inout FieldWriter) {
        writer.put(UInt32(trainers.count))
        for (name, mark) in trainers.sorted(by: { $0.key < $1.key }) {
            writer.put(name.text)
            mark.write(to: &writer)
        }
    }

    init(from reader: inout FieldReader) throws(FormatError) {
        self.init()
        for _ in 0..<(try reader.take(UInt32.self)) {
            guard let name = ModelName(try reader.takeText()) else {
                throw .corrupt(what: "a trainer's name is not one")
            }
            insert(try TrainerMark(from: &reader), for: name)
        }
    }
}
