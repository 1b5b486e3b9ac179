import CKernels
import Kernels
import Tensors

extension tare_byte_move {
    /// The loops of a copy between views with the same extents.
    ///
    /// The axis that lies without gaps in the result is innermost, or, when it is short, the one without gaps in the source.
    init(from source: StridedShape, to target: StridedShape) {
        precondition(source.extents == target.extents, "A copy between different extents")
        self.init()
        var axes = source.extents.indices.filter { source.extents[$0] > 1 }
        axes.sort { target.strides[$0] > target.strides[$1] }
        if let last = axes.last, source.extents[last] < 16,
            let other = axes.indices.min(by: { source.strides[axes[$0]] < source.strides[axes[$1]] }),
            source.extents[axes[other]] > source.extents[last]
        {
            axes.append(axes.remove(at: other))
        }
        var loops: [(extent: Int, source: Int, target: Int)] = []
        for axis in axes {
            let loop = (extent: source.extents[axis], source: source.strides[axis], target: target.strides[axis])
            // Neighbouring axes that follow each other without gaps on both sides are one.
            if let outer = loops.last, outer.source == loop.source * loop.extent,
                outer.target == loop.target * loop.extent
            {
                loops[loops.count - 1] = (outer.extent * loop.extent, loop.source, loop.target)
            } else {
                loops.append(loop)
            }
        }
        precondition(loops.count <= Int(TARE_MOVE_AXES), "A view of rank \(loops.count)")
        Self.write(loops.map(\.extent), missing: 1, to: &extents)
        Self.write(loops.map(\.source), missing: 1, to: &source_strides)
        Self.write(loops.map(\.target), missing: 1, to: &target_strides)
    }

    /// Fills a C array, the last value at its end.
    private static func write<Numbers>(_ values: [Int], missing: Int64, to numbers: inout Numbers) {
        let unused = Int(TARE_MOVE_AXES) - values.count
        unsafe withUnsafeMutableBytes(of: &numbers) { bytes in
            for index in 0..<Int(TARE_MOVE_AXES) {
                let value = index < unused ? missing : Int64(values[index - unused])
                unsafe bytes.storeBytes(of: value, toByteOffset: index * MemoryLayout<Int64>.stride, as: Int64.self)
            }
        }
    }
}
