/// Text in columns: the first column left, the others right aligned, or all left.
struct TextTable {
    private var rows: [[String]]
    private let isOfWords: Bool

    /// Starts a table with its headings; with words in all columns all are left aligned.
    init(_ headings: [String], ofWords isOfWords: Bool = false) {
        rows = [headings]
        self.isOfWords = isOfWords
    }

    /// Adds a row with as many cells as there are headings.
    mutating func append(_ cells: [String]) {
        rows.append(cells)
    }

    /// The lines, each without trailing spaces.
    var lines: [String] {
        let widths = (rows.first ?? []).indices.map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: max(widths[column] - cell.count, 0))
                if column > 0 { line += "  " }
                line += column == 0 || isOfWords ? cell + padding : padding + cell
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
