import Graphs
import Tensors

/// A convolution of two axes whose window elements are moved, and weighted, for each place by other inputs.
struct DeformableConvolution {
    private let window: ConvolutionAttributes
    private let geometry: WindowGeometry
    private let offsetGroups: Int
    private let data: [Double]
    private let weights: [Double]
    private let offsets: [Double]
    private let bias: [Double]?
    private let mask: [Double]?
    private let shape: Shape
    private let input: Shape
    private let kernelCount: Int
    private let elementType: ElementType

    init(_ window: ConvolutionAttributes, offsetGroups: Int, _ inputs: KernelInputs) throws(KernelError) {
        self.window = window
        self.offsetGroups = offsetGroups
        data = try ReferenceKernels.doubles(inputs, 0, rank: 4)
        weights = try ReferenceKernels.doubles(inputs, 1, rank: 4)
        offsets = try ReferenceKernels.doubles(inputs, 2, rank: 4)
        bias = inputs.optional(3) == nil ? nil : try ReferenceKernels.doubles(inputs, 3, rank: 1)
        mask = inputs.optional(4) == nil ? nil : try ReferenceKernels.doubles(inputs, 4, rank: 4)
        input = try inputs.required(0).shape
        elementType = try inputs.required(0).elementType
        let weight = try inputs.required(1).shape
        let kernel = [weight[2], weight[3]]
        kernelCount = weight[2] * weight[3]
        geometry = try WindowGeometry(
            input: [input[2], input[3]], kernel: kernel, strides: window.strides, dilations: window.dilations,
            padding: window.padding)
        shape = try KernelShapes.output([input[0], weight[0]] + geometry.output, elementType)
        let places = geometry.output.reduce(1, &*)
        guard window.groups > 0, offsetGroups > 0, weight[0] % window.groups == 0,
            input[1] == weight[1] * window.groups, input[1] % offsetGroups == 0,
            window.kernelShape == nil || window.kernelShape == kernel,
            offsets.count == input[0] * offsetGroups * kernelCount * 2 * places,
            mask.map({ $0.count == input[0] * offsetGroups * kernelCount * places }) ?? true,
            bias.map({ $0.count == weight[0] }) ?? true
        else {
            throw .shapeMismatch(
                "weights \(weight), offsets and mask do not fit data \(input) in \(window.groups) groups and "
                    + "\(offsetGroups) offset groups")
        }
    }

    /// The sums over input channels of the group, then kernel elements; the bias comes first.
    func result() -> Tensor {
        let (outputs, places) = (shape[1], geometry.output.reduce(1, &*))
        let (groupInputs, groupOutputs) = (input[1] / window.groups, outputs / window.groups)
        var elements = [Double](repeating: 0, count: shape.elementCount)
        for image in 0..<shape[0] {
            let columns = sampled(image)
            for output in 0..<outputs {
                let firstChannel = output / groupOutputs * groupInputs
                for place in 0..<places {
                    var sum = bias?[output] ?? 0
                    for channel in 0..<groupInputs {
                        for element in 0..<kernelCount {
                            sum +=
                                weights[(output * groupInputs + channel) * kernelCount + element]
                                * columns[((firstChannel + channel) * kernelCount + element) * places + place]
                        }
                    }
                    elements[(image * outputs + output) * places + place] = sum
                }
            }
        }
        return Tensor(shape: shape, elements: elements).converted(to: elementType)
    }

    /// What each window element of each place and channel reads: [channels, kernel, places].
    private func sampled(_ image: Int) -> [Double] {
        let places = geometry.output.reduce(1, &*)
        let channelsOfGroup = input[1] / offsetGroups
        var columns = [Double](repeating: 0, count: input[1] * kernelCount * places)
        for channel in 0..<input[1] {
            let plane = (image * input[1] + channel) * input[2] * input[3]
            let first = (image * offsetGroups + channel / channelsOfGroup) * kernelCount
            for element in 0..<kernelCount {
                for place in 0..<places {
                    let start = position(element, place)
                    let y = start.y + offsets[(first + element) * 2 * places + place]
                    let x = start.x + offsets[((first + element) * 2 + 1) * places + place]
                    let weight = mask?[(first + element) * places + place] ?? 1
                    columns[(channel * kernelCount + element) * places + place] = weight * pixel(plane, y, x)
                }
            }
        }
        return columns
    }

    private func position(_ element: Int, _ place: Int) -> (y: Double, x: Double) {
        let (rows, columns) = (geometry.axes[0], geometry.axes[1])
        let y = place / columns.output * rows.stride - rows.before + element / columns.kernel * rows.dilation
        let x = place % columns.output * columns.stride - columns.before + element % columns.kernel * columns.dilation
        return (Double(y), Double(x))
    }

    /// The image between pixels; zero outside.
    private func pixel(_ plane: Int, _ y: Double, _ x: Double) -> Double {
        let (height, width) = (input[2], input[3])
        guard y > -1, y < Double(height), x > -1, x < Double(width) else { return 0 }
        let (top, left) = (Int(y.rounded(.down)), Int(x.rounded(.down)))
        let (down, right) = (y - Double(top), x - Double(left))
        func value(_ row: Int, _ column: Int) -> Double {
            guard (0..<height).contains(row), (0..<width).contains(column) else { return 0 }
            return data[plane + row * width + column]
        }
        return (1 - down) * (1 - right) * value(top, left) + (1 - down) * right * value(top, left + 1)
            + down * (1 - right) * value(top + 1, left) + down * right * value(top + 1, left + 1)
    }
}
