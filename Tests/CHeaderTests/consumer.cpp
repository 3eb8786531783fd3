// A C++17 program that knows the library by its one header: names link without mangling, and a lambda serves as a body.
#include <array>
#include <atomic>
#include <cstdio>
#include <string>

#include "octet.h"

int main() {
  const std::string expected = std::to_string(OCT_VERSION_MAJOR) + "." + std::to_string(OCT_VERSION_MINOR) + "." +
                               std::to_string(OCT_VERSION_PATCH);
  if (expected != oct_version()) {
    std::printf("oct_version() is %s, the header says %s\n", oct_version(), expected.c_str());
    return 1;
  }
  std::array<std::atomic<int>, 1000> visits{};
  const auto visit = [](void *context, std::size_t begin, std::size_t end, int) {
    auto &counts = *static_cast<std::array<std::atomic<int>, 1000> *>(context);
    for (std::size_t i = begin; i < end; i++) counts[i]++;
  };
  oct_parallel_for(visits.size(), 7, 0, visit, &visits);
  for (std::size_t i = 0; i < visits.size(); i++) {
    if (visits[i] != 1) {
      std::printf("oct_parallel_for visited element %zu %d times\n", i, visits[i].load());
      return 1;
    }
  }
  return 0;
}
