import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct ArrayFileSourceTests {
    private func entry(_ sample: RawSample, _ name: String?) -> Tensor? {
        guard case .arrays(let entries) = sample.content else { return nil }
        return entries.first { $0.name == name }?.tensor
    }

    private let tensors: [String: Tensor] = [
        "ids": Tensor(shape: [3, 2], elements: (0..<6).map { Int64($0) }),
        "mask": Tensor(shape: [3, 2], elements: (0..<6).map { Float($0) / 2 }),
        "label": Tensor(shape: [3], elements: [Int32](arrayLiteral: 7, 8, 9)),
    ]

    @Test func safetensorsAndPyTorchFilesGiveTheRowsOfTheirTensors() throws {
        let folder = try TemporaryFolder()
        let safe = folder.path("data.safetensors")
        try Safetensors(tensors: tensors).write(to: safe)
        let torch = folder.path("data.pth")
        var state = StateDictionary()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) { state[name] = tensor }
        try PyTorchFile.write(state, to: torch)
        for path in [safe, torch] {
            let source = try DatasetSource(paths: [path], arrays: ["mask", "ids"])
            #expect(source.sampleCount == 3)
            #expect(source.ignoredArrays == ["label"])
            for row in 0..<3 {
                let sample = try source.readRaw(row)
                #expect(entry(sample, "ids")?.elements(as: Int64.self) == [Int64(2 * row), Int64(2 * row + 1)])
                #expect(entry(sample, "mask")?.elements(as: Float.self) == [Float(row), Float(row) + 0.5])
            }
            #expect(try Labels.read(path: path, array: "label") == [7, 8, 9])
            let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path], arrays: ["x"]) }
            #expect(error?.description.contains("ids, label, mask") == true)
        }
    }

    @Test func samplesWithoutElementsAreRefusedUnlessOthersCountThem() throws {
        let folder = try TemporaryFolder()
        // So many samples that their numbers alone would fill the memory.
        let empty = NPYFile.encode(Tensor(shape: [1], elements: [1] as [Float]))
        let header =
            empty[..<10] + Array("{'descr': '<f4', 'fortran_order': False, 'shape': (60000000, 0), }".utf8)
        let path = try folder.file("a.npy", header + [UInt8](repeating: 0x20, count: 128 - header.count))
        let error = #expect(throws: DatasetError.self) { try DatasetSource(paths: [path]) }
        #expect(error?.description.contains("no elements") == true, "\(String(describing: error))")
        // The empty memory of a decoder's first step.
        try NPZFile.write(
            [
                "past": Tensor(shape: [2, 4, 0], elements: [] as [Float]),
                "x": Tensor(shape: [2, 1], elements: [1, 2] as [Float]),
            ], to: folder.path("b.npz"))
        let source = try DatasetSource(paths: [folder.path("b.npz")])
        #expect(entry(try source.readRaw(1), "past")?.shape == [4, 0])
    }

    @Test func aSingleTensorOfTorchSaveNeedsNoName() throws {
        guard let python = PythonOracle.torchInterpreter() else { return }
        let folder = try TemporaryFolder()
        let script = """
            import sys, torch
            x = torch.arange(12, dtype=torch.float32).reshape(4, 3)
            torch.save(x, sys.argv[1] + "/one.pt")
            torch.save({"x": x.T}, sys.argv[1] + "/strided.pt")
            """
        let outcome = try PythonOracle.run(python, script: script, arguments: [folder.url.path])
        try #require(outcome.status == 0, "\(outcome.output)")
        let source = try DatasetSource(paths: [folder.path("one.pt")], arrays: ["x"])
        #expect(entry(try source.readRaw(3), nil)?.elements(as: Float.self) == [9, 10, 11])
        let error = #expect(throws: DatasetError.self) {
            try DatasetSource(paths: [folder.path("strided.pt")], arrays: ["x"])
        }
        #expect(error?.description.contains("tensor.contiguous()") == true)
    }

    @Test func damagedSafetensorsAreErrorsAndNeverCrash() throws {
        let folder = try TemporaryFolder()
        let seed: UInt64 = 0x7A2E_0062
        var generator = SeededGenerator(seed: seed)
        let original = try Safetensors(tensors: tensors).encoded()
        for round in 0..<400 {
            var bytes = original
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            if round % 4 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
            let path = try folder.file("mutated", bytes)
            guard let source = try? DatasetSource(paths: [path]) else { continue }
            for index in 0..<min(source.sampleCount, 50) { _ = try? source.readRaw(index) }
        }
    }
}
