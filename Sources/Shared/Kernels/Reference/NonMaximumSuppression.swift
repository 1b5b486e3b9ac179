import Tensors

extension ReferenceKernels {
    /// Of boxes that overlap the one with the highest score, for each image and class; of equal scores the first one.
    static func nonMaximumSuppression(
        _ inputs: KernelInputs, boxesAreCenters: Bool
    ) throws(KernelError) -> Tensor {
        let boxes = try doubles(inputs, 0, rank: 3)
        let scores = try doubles(inputs, 1, rank: 3)
        let (shape, classes) = (try inputs.required(0).shape, try inputs.required(1).shape)
        guard shape[2] == 4, classes[0] == shape[0], classes[2] == shape[1] else {
            throw .shapeMismatch("boxes \(shape) and scores \(classes) do not fit each other")
        }
        func number(_ index: Int) throws(KernelError) -> Double? {
            inputs.optional(index) == nil ? nil : try doubles(inputs, index).first
        }
        let most = max(try inputs.optionalInteger(2) ?? 0, 0)
        let threshold = try number(3) ?? 0
        let lowestScore = try number(4)
        let count = shape[1]
        let all = (0..<shape[0] * count).map { Box(boxes[$0 * 4..<$0 * 4 + 4], isCenter: boxesAreCenters) }
        var selected: [Int64] = []
        for image in 0..<shape[0] {
            for kind in 0..<classes[1] {
                let first = (image * classes[1] + kind) * count
                let order = (0..<count).filter { box in lowestScore.map { scores[first + box] > $0 } ?? true }
                    .sorted { (scores[first + $1], $0) < (scores[first + $0], $1) }
                var kept: [Int] = []
                for box in order where kept.count < most {
                    let overlaps = kept.contains {
                        all[image * count + $0].overlap(all[image * count + box]) > threshold
                    }
                    if !overlaps { kept.append(box) }
                }
                for box in kept { selected += [Int64(image), Int64(kind), Int64(box)] }
            }
        }
        return Tensor(shape: [selected.count / 3, 3], elements: selected)
    }
}

/// A box with its corners in order.
private struct Box {
    let top: Double
    let left: Double
    let bottom: Double
    let right: Double

    init(_ numbers: ArraySlice<Double>, isCenter: Bool) {
        let values = Array(numbers)
        if isCenter {
            (left, right) = (values[0] - values[2] / 2, values[0] + values[2] / 2)
            (top, bottom) = (values[1] - values[3] / 2, values[1] + values[3] / 2)
        } else {
            (top, bottom) = (min(values[0], values[2]), max(values[0], values[2]))
            (left, right) = (min(values[1], values[3]), max(values[1], values[3]))
        }
    }

    private var area: Double { (bottom - top) * (right - left) }

    /// Intersection over union; 0 when one of them is empty.
    func overlap(_ other: Box) -> Double {
        let height = min(bottom, other.bottom) - max(top, other.top)
        let width = min(right, other.right) - max(left, other.left)
        guard height > 0, width > 0, area > 0, other.area > 0 else { return 0 }
        let common = height * width
        return common / (area + other.area - common)
    }
}
