extension Tensor {
  /// `body(self, other)` element by element, float32 tensors of one shape; the result lies as this tensor does.
  @inline(__always)
  func combined(_ other: Tensor, _ body: (Float, Float) -> Float) throws(OctetError) -> Tensor {
    let format = preferredFormat
    let a = try contiguous(format)
    let b = try other.contiguous(format)
    let result = try Tensor(uninitialized: shape, dtype: .float32, format: format)
    a.withElements(Float.self) { a in
      b.withElements(Float.self) { b in
        result.withMutableElements(Float.self) { c in
          for i in 0..<c.count { c[i] = body(a[i], b[i]) }
        }
      }
    }
    return result
  }

  /// `body(self, second, third)` element by element, as `combined`.
  @inline(__always)
  func combined(_ second: Tensor, _ third: Tensor, _ body: (Float, Float, Float) -> Float)
    throws(OctetError) -> Tensor
  {
    let format = preferredFormat
    let a = try contiguous(format)
    let b = try second.contiguous(format)
    let c = try third.contiguous(format)
    let result = try Tensor(uninitialized: shape, dtype: .float32, format: format)
    a.withElements(Float.self) { a in
      b.withElements(Float.self) { b in
        c.withElements(Float.self) { c in
          result.withMutableElements(Float.self) { d in
            for i in 0..<d.count { d[i] = body(a[i], b[i], c[i]) }
          }
        }
      }
    }
    return result
  }
}

/// Two dense operands and a result, cut into runs that threads take: for what is called so often that a thread's share counts.
struct FloatRuns: @unchecked Sendable {
  // Pointers are used inside one call, each run by one thread.
  let first: UnsafePointer<Float>
  let second: UnsafePointer<Float>
  let result: UnsafeMutablePointer<Float>

  private static let grain = 1 << 15

  /// Calls `body` with the operands, the result and the length of each run.
  func forEachRun(
    _ count: Int,
    _ body:
      @escaping @Sendable (
        UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int
      ) -> Void
  ) {
    if count <= Self.grain {
      body(first, second, result, count)
      return
    }
    parallelFor(count, grain: Self.grain) { range in
      let start = range.lowerBound
      body(first + start, second + start, result + start, range.count)
    }
  }
}
