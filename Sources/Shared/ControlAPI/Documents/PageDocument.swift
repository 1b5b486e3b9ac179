/// A part of a list.
public struct PageDocument<Item: ControlDocument>: ControlDocument {
    /// Position of the first item in the list.
    public var offset: Int
    /// Items in the whole list.
    ///
    /// For events the number that the next one will have.
    public var total: Int
    /// The items.
    public var items: [Item]

    /// Takes a part of a list.
    public init(offset: Int, total: Int, items: [Item]) {
        self.offset = offset
        self.total = total
        self.items = items
    }

    /// Cuts a part out of a list.
    ///
    /// - Parameters:
    ///   - page: Which part.
    ///   - list: The whole list.
    ///   - document: Makes an item of an element; called for those of the page alone.
    public init<List: RandomAccessCollection>(
        _ page: Page, of list: List, document: (List.Element) throws -> Item
    ) rethrows {
        let first = min(page.offset, list.count)
        let part = list.dropFirst(first).prefix(page.limit)
        self.init(offset: first, total: list.count, items: try part.map(document))
    }

    /// Checks every item.
    public func validate() throws(DocumentError) {
        for item in items { try item.validate() }
    }
}

/// Which part of a list is wanted.
public struct Page: Hashable, Sendable {
    /// Position of the first item.
    ///
    /// For events the number of the first one.
    public var offset: Int
    /// How many items at most.
    public var limit: Int

    /// Names a part.
    public init(offset: Int = 0, limit: Int = ControlLimits.defaultPageEntries) {
        self.offset = offset
        self.limit = limit
    }
}
