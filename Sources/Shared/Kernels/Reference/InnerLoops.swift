/// The few loops that decide how fast a reference kernel is.
///
/// They use pointers, because bounds checks would keep the compiler from vectorising them, and all that they need lies in
/// this file, because debug builds optimise each file by itself. Elements are accumulated one after the other in the
/// order of the summation index, each as a rounded product added to a rounded sum; the vectors run over independent
/// results. So results depend on neither blocking nor machine.
protocol LaneLoops: BitwiseCopyable {
    /// `target[row, column] += sum over k of left[row, k] * right[k, column]`, k ascending.
    ///
    /// - Precondition: `target` holds rows x columns at `targetStride`, `left` rows x depth, `right` depth x columns at
    ///   `rightStride`.
    @unsafe
    static func accumulateProduct(
        target: UnsafeMutablePointer<Self>, targetStride: Int, left: UnsafePointer<Self>, leftStride: Int,
        right: UnsafePointer<Self>, rightStride: Int, rows: Int, depth: Int, columns: Int)

    /// Copies `source[indices[j]]` to `target[j]`, or 0 where the index is negative.
    @unsafe
    static func gather(
        _ target: UnsafeMutablePointer<Self>, from source: UnsafePointer<Self>, indices: UnsafePointer<Int32>,
        count: Int)
}

/// One step of a sum of products.
private protocol Accumulating: LaneLoops {
    static var none: Self { get }
    static func add(_ sum: Self, _ left: Self, _ right: Self) -> Self
}

extension Float: Accumulating {
    fileprivate static var none: Float { 0 }
    @inline(__always) fileprivate static func add(_ sum: Float, _ left: Float, _ right: Float) -> Float {
        sum + left * right
    }
}

extension Double: Accumulating {
    fileprivate static var none: Double { 0 }
    @inline(__always) fileprivate static func add(_ sum: Double, _ left: Double, _ right: Double) -> Double {
        sum + left * right
    }
}

extension Int64: Accumulating {
    fileprivate static var none: Int64 { 0 }
    @inline(__always) fileprivate static func add(_ sum: Int64, _ left: Int64, _ right: Int64) -> Int64 {
        sum &+ left &* right
    }
}

extension UInt64: Accumulating {
    fileprivate static var none: UInt64 { 0 }
    @inline(__always) fileprivate static func add(_ sum: UInt64, _ left: UInt64, _ right: UInt64) -> UInt64 {
        sum &+ left &* right
    }
}

extension Float {
    @unsafe
    static func accumulateProduct(
        target: UnsafeMutablePointer<Float>, targetStride: Int, left: UnsafePointer<Float>, leftStride: Int,
        right: UnsafePointer<Float>, rightStride: Int, rows: Int, depth: Int, columns: Int
    ) {
        unsafe accumulate(target, targetStride, left, leftStride, right, rightStride, rows, depth, columns)
    }

    @unsafe
    static func gather(
        _ target: UnsafeMutablePointer<Float>, from source: UnsafePointer<Float>, indices: UnsafePointer<Int32>,
        count: Int
    ) {
        unsafe collect(target, source, indices, count)
    }
}

extension Double {
    @unsafe
    static func accumulateProduct(
        target: UnsafeMutablePointer<Double>, targetStride: Int, left: UnsafePointer<Double>, leftStride: Int,
        right: UnsafePointer<Double>, rightStride: Int, rows: Int, depth: Int, columns: Int
    ) {
        unsafe accumulate(target, targetStride, left, leftStride, right, rightStride, rows, depth, columns)
    }

    @unsafe
    static func gather(
        _ target: UnsafeMutablePointer<Double>, from source: UnsafePointer<Double>, indices: UnsafePointer<Int32>,
        count: Int
    ) {
        unsafe collect(target, source, indices, count)
    }
}

extension Int64 {
    @unsafe
    static func accumulateProduct(
        target: UnsafeMutablePointer<Int64>, targetStride: Int, left: UnsafePointer<Int64>, leftStride: Int,
        right: UnsafePointer<Int64>, rightStride: Int, rows: Int, depth: Int, columns: Int
    ) {
        unsafe accumulate(target, targetStride, left, leftStride, right, rightStride, rows, depth, columns)
    }

    @unsafe
    static func gather(
        _ target: UnsafeMutablePointer<Int64>, from source: UnsafePointer<Int64>, indices: UnsafePointer<Int32>,
        count: Int
    ) {
        unsafe collect(target, source, indices, count)
    }
}

extension UInt64 {
    @unsafe
    static func accumulateProduct(
        target: UnsafeMutablePointer<UInt64>, targetStride: Int, left: UnsafePointer<UInt64>, leftStride: Int,
        right: UnsafePointer<UInt64>, rightStride: Int, rows: Int, depth: Int, columns: Int
    ) {
        unsafe accumulate(target, targetStride, left, leftStride, right, rightStride, rows, depth, columns)
    }

    @unsafe
    static func gather(
        _ target: UnsafeMutablePointer<UInt64>, from source: UnsafePointer<UInt64>, indices: UnsafePointer<Int32>,
        count: Int
    ) {
        unsafe collect(target, source, indices, count)
    }
}

@inline(__always)
private func accumulate<T: Accumulating>(
    _ target: UnsafeMutablePointer<T>, _ targetStride: Int, _ left: UnsafePointer<T>, _ leftStride: Int,
    _ right: UnsafePointer<T>, _ rightStride: Int, _ rows: Int, _ depth: Int, _ columns: Int
) {
    for row in 0..<rows {
        let sums = unsafe target + row &* targetStride
        let factors = unsafe left + row &* leftStride
        var k = 0
        while k &+ 4 <= depth {
            unsafe addFourRows(sums, factors + k, right + k &* rightStride, stride: rightStride, count: columns)
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
private func addRow<T: Accumulating>(
    _ sums: UnsafeMutablePointer<T>, _ factor: T, _ row: UnsafePointer<T>, count: Int
) {
    for j in 0..<count {
        unsafe sums[j] = T.add(sums[j], factor, row[j])
    }
}

/// Four steps of `addRow`, which keep the sums in registers.
@inline(__always)
private func addFourRows<T: Accumulating>(
    _ sums: UnsafeMutablePointer<T>, _ factors: UnsafePointer<T>, _ rows: UnsafePointer<T>, stride: Int, count: Int
) {
    let (f0, f1, f2, f3) = unsafe (factors[0], factors[1], factors[2], factors[3])
    let r0 = unsafe rows
    let r1 = unsafe rows + stride
    let r2 = unsafe rows + 2 &* stride
    let r3 = unsafe rows + 3 &* stride
    for j in 0..<count {
        var sum = unsafe sums[j]
        unsafe sum = T.add(sum, f0, r0[j])
        unsafe sum = T.add(sum, f1, r1[j])
        unsafe sum = T.add(sum, f2, r2[j])
        unsafe sum = T.add(sum, f3, r3[j])
        unsafe sums[j] = sum
    }
}

@inline(__always)
private func collect<T: Accumulating>(
    _ target: UnsafeMutablePointer<T>, _ source: UnsafePointer<T>, _ indices: UnsafePointer<Int32>, _ count: Int
) {
    for j in 0..<count {
        let index = unsafe Int(indices[j])
        unsafe target[j] = index < 0 ? T.none : source[index]
    }
}
