import Foundation

/// A progress bar on standard error, drawn only where a person looks at it.
struct ProgressBar {
  private let label: String
  private let total: Int
  private let start = ContinuousClock.now
  private var done: Int
  private let first: Int
  private var note = ""
  private let visible: Bool

  /// A bar for `total` steps of which some are done, invisible when standard error isn't a terminal or `quiet` is set.
  init(_ label: String, total: Int, done: Int = 0, quiet: Bool = false) {
    self.label = label
    self.total = max(total, 1)
    self.done = done
    first = done
    visible = !quiet && isatty(STDERR_FILENO) == 1
    draw()
  }

  /// Counts `steps` more; `note` is shown behind the bar.
  mutating func advance(_ steps: Int = 1, note: String = "") {
    done = min(done + steps, total)
    self.note = note
    draw()
  }

  /// Removes the bar.
  func finish() {
    if visible { write("\r\u{1B}[K") }
  }

  private func draw() {
    guard visible else { return }
    let width = 30
    let filled = done * width / total
    let bar = String(repeating: "━", count: filled) + String(repeating: "╌", count: width - filled)
    let elapsed = seconds(ContinuousClock.now - start)
    let left =
      done == first
      ? "" : "  \(fixed(elapsed * Double(total - done) / Double(done - first), 0)) s left"
    write("\r\u{1B}[K\(label) \(bar) \(done)/\(total)  \(note)\(left)")
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// A duration in seconds.
func seconds(_ duration: Duration) -> Double {
  Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String { String(format: "%.\(decimals)f", value) }
