import Modules

/// The block of ResNet-18, of modules that can be quantized: two convolutions and a way around them.
struct BasicBlock: Module {
    let convBnRelu1: ConvBnRelu2d
    let convBn2: ConvBn2d
    let downsample: any Module
    let addRelu = Elemwise("FUSE_ADD_RELU")

    init(_ inChannels: Int, _ channels: Int, stride: Int = 1) {
        convBnRelu1 = ConvBnRelu2d(inChannels, channels, 3, stride: stride, padding: 1, bias: false)
        convBn2 = ConvBn2d(channels, channels, 3, padding: 1, bias: false)
        downsample =
            inChannels == channels && stride == 1
            ? Identity() : ConvBn2d(inChannels, channels, 1, stride: stride, bias: false)
    }

    func forward(_ x: Value) -> Value {
        addRelu(convBn2(convBnRelu1(x)), downsample.forward(x))
    }
}

/// A small ResNet for images of 28x28: real numbers go in and come out, everything in between can be quantized.
struct ResNet: Module {
    let quant = QuantStub()
    let stem: ConvBnRelu2d
    let layers: [BasicBlock]
    let dequant = DequantStub()
    let fc: Linear

    init(width: Int = 16, classes: Int = 10) {
        stem = ConvBnRelu2d(1, width, 3, padding: 1, bias: false)
        layers = [
            BasicBlock(width, width), BasicBlock(width, 2 * width, stride: 2),
            BasicBlock(2 * width, 4 * width, stride: 2),
        ]
        fc = Linear(4 * width, classes).disableQuantize()
    }

    func forward(_ x: Value) -> Value {
        let features = layers.reduce(stem(quant(x))) { $1($0) }
        return fc(dequant(features.globalAveragePool().flatten()))
    }
}
