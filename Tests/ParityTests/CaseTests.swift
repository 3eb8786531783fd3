import OctetParity
import OctetTensor
import Testing

@Suite("Parity cases")
struct CaseTests {
  @Test("The repository's own cases pass, but for pending operations")
  func repositoryCases() throws {
    let results = try CaseLibrary.run([CaseLibrary.repository])
    #expect(results.count >= 150)
    let complaints = PendingList.complaints(about: results, pending: try CaseLibrary.pending())
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  @Test(
    "The whole set passes, but for pending operations, none of which is finished",
    .enabled(if: !CaseLibrary.whole.isEmpty, "set OCTET_PARITY_CASES to the folders of cases"))
  func wholeSet() throws {
    let results = try CaseLibrary.run(CaseLibrary.whole)
    let pending = try CaseLibrary.pending()
    let complaints =
      PendingList.complaints(about: results, pending: pending)
      + PendingList.finished(in: results, pending: pending)
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }

  // The workflows as a whole are pending: some of the models they are to run need layers that don't exist yet.
  @Test("Whole models fuse, prepare, calibrate and convert as the oracle's do")
  func workflowCases() throws {
    let results = try CaseLibrary.run([CaseLibrary.workflows])
    #expect(results.count >= 13)
    for result in results {
      #expect(
        result.failures.isEmpty, "\(result.name): \(result.failures.joined(separator: " | "))")
    }
  }

  @Test("Pending operations are listed once, in order")
  func pendingListIsSorted() throws {
    let pending = try CaseLibrary.pending()
    #expect(pending == Array(Set(pending)).sorted())
  }

  @Test("The pending list complains of failures outside it, of finished lines and of unknown ones")
  func pendingListRules() {
    let results = [
      CaseResult(name: "a0", operation: "a"),
      CaseResult(name: "a1", operation: "a", failures: ["x"]),
      CaseResult(name: "b0", operation: "b", failures: ["y"]),
      CaseResult(name: "c0", operation: "c"),
    ]
    #expect(
      PendingList.complaints(about: results, pending: ["a", "d"]) == [
        "FAIL b0 [b] y", "pending-parity.txt: no case has the operation d; remove the line",
      ])
    #expect(
      PendingList.finished(in: results, pending: ["a", "c", "d"]) == [
        "pending-parity.txt: every case of c passes; remove the line"
      ])
  }
}
