import Launch
import Testing

/// Slurm's short forms, as its manual describes them and as nobody should write them.
@Suite struct SlurmListTests {
    @Test(arguments: [
        ("n0", ["n0"]), ("n[0-3,7],m1", ["n0", "n1", "n2", "n3", "n7", "m1"]),
        ("n[08-11]", ["n08", "n09", "n10", "n11"]), ("n[9-10]", ["n9", "n10"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]), ("a-1.b_2,c", ["a-1.b_2", "c"]),
        ("n[0-1]-ib0", ["n0-ib0", "n1-ib0"]), ("n[0,0]", ["n0", "n0"]), ("7", ["7"]),
    ])
    func hostLists(_ text: String, _ hosts: [String]) throws {
        #expect(try SlurmLists.hosts(text) == hosts)
    }

    @Test(arguments: [
        "", ",", "a,", ",a", "n[", "n[]", "n[0", "n[0-]", "n[-1]", "n[3-1]", "n]", "n[a]", "n[0-1", "n[0-1]]", "n[0;1]",
        "n 0", "n[0-9999999999]", "n[0-999999]", "n[0-999]m[0-999]", "é", "a\u{0}b",
        String(repeating: "a", count: 254), String(repeating: "a,", count: 40_000),
    ])
    func listsThatAreNone(_ text: String) {
        #expect(throws: SlurmLists.Failure.self) { try SlurmLists.hosts(text) }
    }

    @Test func longestListIsRead() throws {
        #expect(try SlurmLists.hosts("n[0-65535]").count == 65_536)
        #expect(throws: SlurmLists.Failure.self) { try SlurmLists.hosts("n[0-65535],m") }
    }

    @Test(arguments: [("2", [2]), ("2(x3),1", [2, 2, 2, 1]), ("1,4(x2)", [1, 4, 4])])
    func taskCounts(_ text: String, _ counts: [Int]) throws {
        #expect(try SlurmLists.taskCounts(text) == counts)
    }

    @Test(arguments: ["", "0", "2(x0)", "2(", "2(x", "2(x3", "2(3)", "x", "2,", "2(x99999)", "2(x3)4"])
    func countsThatAreNone(_ text: String) {
        #expect(throws: SlurmLists.Failure.self) { try SlurmLists.taskCounts(text) }
    }
}
