import Foundation
import Testing

@Suite("The README's program")
struct QuickstartTests {
  @Test func theReadmeShowsTheProgramThatIsBuilt() throws {
    let readme = try String(
      contentsOf: BuiltProgram.root.appending(path: "README.md"), encoding: .utf8)
    let program = try String(
      contentsOf: BuiltProgram.root.appending(path: "Examples/Quickstart/main.swift"),
      encoding: .utf8)
    #expect(readme.contains("```swift\n\(program)```"))
    #expect(program.split(separator: "\n", omittingEmptySubsequences: false).count <= 42)
  }

  @Test func itRunsAndInt8KeepsTheAccuracy() throws {
    let result = try BuiltProgram(name: "Quickstart").run()
    #expect(result.status == 0, "\(result.errors)")
    let figures = result.output.split(separator: "\n").compactMap { line in
      line.split(separator: " ").last.flatMap { Double($0) }
    }
    try #require(figures.count == 2, "\(result.output)")
    // What torch gives for the float network on these images.
    #expect(abs(figures[0] - 0.921) <= 0.001)
    #expect(figures[1] >= figures[0] - 0.005)
  }
}
