import Tensors
import Testing

/// Extents that come from files.
@Suite struct ShapeTests {
    @Test(arguments: [
        [-1], [Int.max], [1 << 59], [1 << 30, 1 << 30], [0, -1], [0, 1 << 32], [1 << 16, 0, 1 << 16],
        [0, Int.max, Int.max], [Int](repeating: 1 << 20, count: 64),
    ])
    func impossibleExtentsAreNone(extents: [Int]) {
        #expect(Shape(checking: extents) == nil)
    }

    @Test(arguments: [
        ([], 1), ([0], 0), ([1 << 58], 1 << 58), ([1 << 29, 1 << 29], 1 << 58), ([0, 1 << 26], 0), ([3, 0, 5], 0),
    ])
    func possibleExtentsAreAShape(extents: [Int], count: Int) {
        #expect(Shape(checking: extents)?.elementCount == count)
    }

    /// What is cut out of a shape from a file needs no second check: every part of one is a shape.
    @Test func everyPartOfAShapeIsOne() throws {
        for extents in [[0, 1 << 13, 1 << 13], [1 << 20, 1 << 20, 1 << 18], [7, 0, 0, 9]] {
            let shape = try #require(Shape(checking: extents))
            for kept in 0..<1 << shape.rank {
                let part = shape.dimensions.indices.filter { kept >> $0 & 1 == 1 }.map { extents[$0] }
                #expect(Shape(checking: part) != nil, "\(part) of \(shape)")
            }
            let (_, overflow) = shape.elementCount.multipliedReportingOverflow(by: 16)
            #expect(!overflow)
        }
    }
}
