/// The few loops that decide how fast a reference kernel is.
///
/// They use pointers, because bounds checks would keep the compiler from vectorising them. Elements are accumulated
/// one after the other in the order of the summation index, each as a rounded product added to a rounded sum; the
/// vectors run over independent results. So results depend on neither blocking nor machine.
enum InnerLoops {
    /// `target[row, column] += sum over k of left[row, k] * right[k, column]`, k ascending.
    ///
    /// - Precondition: `target` holds rows x columns at `targetStride`, `left` rows x depth, `right` depth x columns at
    ///   `rightStride`.
    static func accumulateProduct<T: Lane>(
        target: UnsafeMutablePointer<T>, targetStride: Int, left: UnsafePointer<T>, leftStride: Int,
        right: UnsafePointer<T>, rightStride: Int, rows: Int, depth: Int, columns: Int
    ) {
        for row in 0..<rows {
            let sums = unsafe target + row &* targetStride
            let factors = unsafe left + row &* leftStride
            var k = 0
            while k &+ 4 <= depth {
                unsafe addFourRows(
                    sums, factors + k, right + k &* rightStride, stride: rightStride, count: columns)
                k &+= 4
            }
            while k < depth {
                unsafe addRow(sums, factors[k], right + k &* rightStride, count: columns)
                k &+= 1
            }
        }
    }

    /// `sums[j] += factor * row[j]`.
    @inline(__always)
    private static func addRow<T: Lane>(
        _ sums: UnsafeMutablePointer<T>, _ factor: T, _ row: UnsafePointer<T>, count: Int
    ) {
        for j in 0..<count {
            unsafe sums[j] = sums[j].adding(factor.multiplied(by: row[j]))
        }
    }

    /// Four steps of `addRow`, which keep the sums in registers.
    @inline(__always)
    private static func addFourRows<T: Lane>(
        _ sums: UnsafeMutablePointer<T>, _ factors: UnsafePointer<T>, _ rows: UnsafePointer<T>, stride: Int, count: Int
    ) {
        let (f0, f1, f2, f3) = unsafe (factors[0], factors[1], factors[2], factors[3])
        let r0 = unsafe rows
        let r1 = unsafe rows + stride
        let r2 = unsafe rows + 2 &* stride
        let r3 = unsafe rows + 3 &* stride
        for j in 0..<count {
            var sum = unsafe sums[j]
            unsafe sum = sum.adding(f0.multiplied(by: r0[j]))
            unsafe sum = sum.adding(f1.multiplied(by: r1[j]))
            unsafe sum = sum.adding(f2.multiplied(by: r2[j]))
            unsafe sum = sum.adding(f3.multiplied(by: r3[j]))
            unsafe sums[j] = sum
        }
    }

    /// Copies `source[indices[j]]` to `target[j]`, or 0 where the index is negative.
    @inline(__always)
    static func gather<T: Lane>(
        _ target: UnsafeMutablePointer<T>, from source: UnsafePointer<T>, indices: UnsafePointer<Int32>, count: Int
    ) {
        for j in 0..<count {
            let index = unsafe Int(indices[j])
            unsafe target[j] = index < 0 ? T.zero : source[index]
        }
    }
}
