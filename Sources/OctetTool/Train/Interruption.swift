import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ctrl-C as a wish: the run ends after its current batch. A second one ends the process.
final class Interruption: Sendable {
  private let wished = Atomic(false)
  private nonisolated(unsafe) let source: any DispatchSourceSignal

  /// Listens from now on.
  init() {
    signal(SIGINT, SIG_IGN)
    source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    source.setEventHandler { [weak self] in
      guard let self else { return }
      if self.wished.exchange(true, ordering: .relaxed) { exit(130) }
    }
    source.resume()
  }

  /// True once Ctrl-C was pressed.
  var isWished: Bool { wished.load(ordering: .relaxed) }
}
