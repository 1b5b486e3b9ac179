import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

@testable import MLU

@Suite struct DeviceModelTests {
    private static var folder: URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Examples/devices")
    }

    @Test(arguments: DeviceModel.examples)
    func theExampleFilesAreTheBuiltInDevices(example: DeviceModel) throws {
        let path = Self.folder.appending(path: "\(example.name).json").path
        #expect(try DeviceModel(named: path) == example)
        #expect(try DeviceModel(named: example.name) == example)
    }

    @Test func unusableDescriptionsAreNamed() throws {
        func reason(_ json: String) -> String {
            do {
                _ = try DeviceModel(json: Data(json.utf8), source: "mine.json")
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        let whole = try String(contentsOf: Self.folder.appending(path: "edge.json"), encoding: .utf8)
        #expect(reason("{}").contains("the key 'name' is missing"))
        #expect(reason("[1").contains("no JSON object"))
        #expect(reason(whole.replacing("8e8", with: "0")).contains("'cyclesPerSecond' is 0.0"))
        for rate in ["1e-300", "9.99e-4", "1.1e15"] {
            #expect(reason(whole.replacing("8e8", with: rate)).contains("it must be 1e-3 to 1e15"))
        }
        #expect(reason(whole.replacing("8e8", with: "1e-3")) == "accepted")
        #expect(reason(whole.replacing("12000", with: "-1")).contains("'launchCycles' is -1"))
        #expect(reason(whole.replacing("12000", with: "\"many\"")).contains("'launchCycles' has the wrong type"))
        #expect(reason(whole.replacing("2147483648", with: "1")).contains("'memoryBytes' is 1"))
        #expect(throws: MLUError.self) { try DeviceModel(named: "/nowhere/device.json") }
    }

    /// The numbers of docs/mlu.md, worked out by hand.
    @Test func workIsCountedFromShapes() {
        let convolution = Node(
            name: "conv", op: .mlu(.convolution(ConvolutionAttributes(groups: 2))), inputs: ["x", "w"], outputs: ["y"])
        let operand = { (shape: Shape) in NodeWork.Operand(elementType: .float32, shape: shape) }
        let work = NodeWork(
            convolution, inputs: [operand([1, 4, 10, 10]), operand([6, 2, 3, 3])], outputs: [operand([1, 6, 8, 8])],
            arithmetic: .int8)
        #expect(work.products == 6 * 8 * 8 * 2 * 3 * 3)
        #expect(work.elements == 400 + 384)
        // Weights take one byte on the device.
        #expect(work.bytesRead == 4 * 400 + 6 * 2 * 3 * 3 && work.bytesWritten == 4 * 384)
        var model = DeviceModel.edge
        model.int8ProductsPerCycle = 100
        model.elementsPerCycle = 10
        model.memoryBytesPerCycle = 8
        #expect(work.computeCycles(on: model) == Int((69.12 + 78.4).rounded(.up)))
        #expect(work.memoryCycles(on: model) == (1600 + 108 + 1536 + 7) / 8)
        #expect(work.cycles(on: model) == work.memoryCycles(on: model))
    }

    @Test func smallKernelsAreBoundByLaunches() {
        let device = MLUDevice(.server)
        for _ in 0..<10 { device.launch(cycles: 10, after: device.model.launchCycles) }
        #expect(device.currentCycle == 10 * device.model.launchCycles + 10)
        let busy = MLUDevice(.server)
        for _ in 0..<10 { busy.launch(cycles: 100_000, after: busy.model.launchCycles) }
        #expect(busy.currentCycle == busy.model.launchCycles + 1_000_000)
    }

    @Test func kernelsWaitForCopiesAndCopiesBackForKernels() {
        var model = DeviceModel.server
        model.linkLatencyCycles = 100
        model.linkBytesPerCycle = 10
        model.launchCycles = 5
        let device = MLUDevice(model)
        #expect(device.copy(1000, .toDevice).end == 200)
        let kernel = device.launch(cycles: 50, after: 5)
        #expect(kernel.begin == 200 && kernel.end == 250)
        #expect(device.copy(10, .toHost).begin == 250)
        #expect(device.currentCycle == 351)
    }
}
