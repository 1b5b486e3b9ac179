import CFuzzer
import Foundation
import FuzzEntries

/// What is fuzzed: libFuzzer starts this program again by itself with its own options, so the environment says it.
enum Choice {
    static let target = ProcessInfo.processInfo.environment["FUZZ_TARGET"].flatMap(FuzzTarget.init(rawValue:))

    /// Ends the process with a message.
    static func fail(_ message: String, status: Int32) -> Never {
        FileHandle.standardError.write(Data("fuzz: \(message)\n".utf8))
        exit(status)
    }
}

guard Choice.target != nil else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    Choice.fail("set FUZZ_TARGET to one of \(names); the arguments are libFuzzer's (-help=1)", status: 64)
}
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { data, size in
    do {
        try Choice.target?.read(unsafe Array(UnsafeBufferPointer(start: data, count: size)))
    } catch {
        Choice.fail("the input cannot be written to a file: \(error)", status: 74)
    }
    return 0
}
exit(status)
